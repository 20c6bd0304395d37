"""What the demo shows: steps with their time, tables side by side, claims with ✓ or ✗."""

import os
import sys
import textwrap
import time

WIDTH = 100
COLORS = {"public": "32", "internal": "36", "confidential": "33", "restricted": "31"}


class Screen:
    def __init__(self):
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(encoding="utf-8", errors="replace")
        self.terminal = sys.stdout.isatty()
        self.colored = self.terminal and "NO_COLOR" not in os.environ
        self.began = time.monotonic()
        self.failed = 0
        self.claimed = 0

    def color(self, text, code):
        return f"\033[{code}m{text}\033[0m" if self.colored and code else text

    def line(self, text=""):
        print(text, flush=True)

    def heading(self, text):
        self.line()
        self.line(self.color(f"── {text} ".ljust(WIDTH, "─"), "1"))

    def text(self, text):
        for line in textwrap.wrap(text, WIDTH - 2):
            self.line(f"  {line}")

    def step(self, text, action):
        """Runs `action` while `text` is shown, then the time it took. Returns its value."""
        if self.terminal:
            print(f"  … {text}", end="", flush=True)
        began = time.monotonic()
        value = action()
        took = f"{time.monotonic() - began:5.1f} s"
        clear = "\r\033[K" if self.terminal else ""
        self.line(f"{clear}  ✓ {text[:86].ljust(86)} {took}")
        return value

    def claim(self, text, holds, found=""):
        """One thing the demo promises: shown, counted, remembered if it does not hold."""
        self.claimed += 1
        mark = self.color("✓", "32") if holds else self.color("✗", "31")
        lines = textwrap.wrap(text, WIDTH - 4)
        self.line(f"  {mark} {lines[0]}")
        for line in lines[1:]:
            self.line(f"    {line}")
        if not holds:
            self.failed += 1
            self.line(self.color(f"    found: {str(found)[:400]}", "31"))

    def cell(self, passage, width):
        """The level's first letter, document#chunk and score in `width` columns."""
        level = passage["label"]["level"]
        name = passage["document"].removesuffix(".html")
        place = f"#{passage['chunk']}"
        score = f"{passage['score']:.2f}"
        room = width - 2 - len(place) - len(score) - 1
        if len(name) > room:
            name = name[: room - 1] + "…"
        text = f"{level[0].upper()} {name}{place}"
        padded = text.ljust(width - len(score)) + score
        return self.color(padded, COLORS.get(level))

    def table(self, columns):
        """Prints columns of (title, subtitle, passages, footer) side by side, footers wrapped."""
        width = (WIDTH - 2 - 3 * (len(columns) - 1)) // len(columns)
        rows = [[self.color(title[:width].ljust(width), "1") for title, *_ in columns]]
        rows.append([self.color(sub[:width].ljust(width), "2") for _, sub, *_ in columns])
        for i in range(max(len(passages) for _, _, passages, _ in columns)):
            rows.append(
                [
                    self.cell(passages[i], width) if i < len(passages) else " " * width
                    for _, _, passages, _ in columns
                ]
            )
        footers = [textwrap.wrap(footer, width) for *_, footer in columns]
        for i in range(max(map(len, footers))):
            lines = [footer[i] if i < len(footer) else "" for footer in footers]
            rows.append([self.color(line.ljust(width), "2") for line in lines])
        self.line()
        for row in rows:
            self.line("  " + " │ ".join(row))

    def legend(self):
        """What the cells of a table mean."""
        levels = ", ".join(self.color(f"{name[0].upper()} {name}", COLORS[name]) for name in COLORS)
        self.line(f"  A line is a passage: level, page#chunk, score.  {levels}")

    def pairs(self, rows, width=22):
        """Prints (name, text) rows, the text wrapped beside its name."""
        for name, text in rows:
            lines = textwrap.wrap(text, WIDTH - width - 4) or [""]
            self.line(f"  {name[:width].ljust(width)}  {lines[0]}")
            for line in lines[1:]:
                self.line(f"  {' ' * width}  {line}")

    def seconds(self):
        return time.monotonic() - self.began
