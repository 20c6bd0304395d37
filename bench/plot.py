"""Line plots as SVG text: lines with their intervals, logarithmic axes where asked."""

import math
from html import escape

WIDTH, HEIGHT = 640, 340
LEFT, RIGHT, TOP, BOTTOM = 78, 150, 16, 48


class Axis:
    """Values to places; ticks at powers of ten, or at round numbers of a linear axis."""

    def __init__(self, low, high, start, end, logarithmic):
        self.log = logarithmic
        if logarithmic:
            low, high = 10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high))
            if low == high:
                high *= 10
        self.low, self.high, self.start, self.end = low, high, start, end

    def place(self, value):
        if self.log:
            value, low, high = math.log10(value), math.log10(self.low), math.log10(self.high)
        else:
            low, high = self.low, self.high
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def ticks(self):
        if self.log:
            first, last = round(math.log10(self.low)), round(math.log10(self.high))
            return [10.0**power for power in range(first, last + 1)]
        step = 10 ** math.floor(math.log10(self.high - self.low))
        if (self.high - self.low) / step < 3:
            step /= 5 if (self.high - self.low) / step < 1.5 else 2
        count = int((self.high - self.low) / step + 1e-9)
        return [self.low + i * step for i in range(count + 1)]


def text(x, y, content, anchor="middle", kind="tick"):
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text class="{kind}" {place}>{escape(content)}</text>'


def across(y, kind):
    """A line over the whole plot."""
    ends = f'x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"'
    return f'<line class="{kind}" {ends}/>'


def spread(labels, gap=15):
    """Moves labels apart, (y, …) sorted from the top."""
    placed = []
    for label in sorted(labels):
        y = max(label[0], placed[-1][0] + gap) if placed else label[0]
        placed.append((y, *label[1:]))
    return placed


def places(x_ticks, scale):
    """Of any x its place: those of ticks evenly apart, or between the outer ticks by a scale."""
    left, right = LEFT + 20, WIDTH - RIGHT - 20
    order = sorted(x_ticks)
    if scale is None:
        step = (right - left) / max(1, len(order) - 1)
        return {x: left + i * step for i, x in enumerate(order)}.__getitem__
    low, high = scale(order[0]), scale(order[-1])
    return lambda x: left + (scale(x) - low) / (high - low) * (right - left)


def lines(series, x_name, y_name, x_ticks, log_y=True, y_from=None, mark=None, scale=None):
    """series: (name, [(x, median, low, high)…]); x_ticks: {x: its text}; mark: (y, its text).

    With a scale, a function that grows with x, there may be points between two ticks.
    """
    points = [point for _, some in series for point in some]
    marks = [mark[0]] if mark else []
    low = min([point[2] for point in points] + marks) if y_from is None else y_from
    high = max([point[3] for point in points] + marks)
    y_axis = Axis(low, high if log_y else high * 1.05, HEIGHT - BOTTOM, TOP, log_y)
    x_of = places(x_ticks, scale)
    out = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(y_name)}">']
    for tick in y_axis.ticks():
        y = y_axis.place(tick)
        out.append(across(y, "grid"))
        out.append(text(LEFT - 8, y + 4, f"{tick:,.10g}", "end"))
    for x, shown in x_ticks.items():
        out.append(text(x_of(x), HEIGHT - BOTTOM + 18, shown))
    out.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, x_name, kind="name"))
    if mark:
        y = y_axis.place(mark[0])
        out.append(across(y, "mark"))
        out.append(text(WIDTH - RIGHT - 4, y - 5, mark[1], "end"))
    labels = []
    for number, (name, some) in enumerate(series):
        out.append(curve(number, [(x_of(x), *map(y_axis.place, rest)) for x, *rest in some]))
        last = max(some)
        labels.append((y_axis.place(last[1]), x_of(last[0]), number, name))
    for y, x, number, name in spread(labels):
        out.append(text(x + 10, y + 4, name, "start", f"label c{number}"))
    out.append("</svg>")
    return "\n".join(out)


def curve(number, points):
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, *_ in sorted(points))
    out = [f'<polyline class="line c{number}" points="{path}"/>']
    for x, y, low, high in points:
        ends = f'x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}"'
        out.append(f'<line class="bar c{number}" {ends}/>')
        out.append(f'<circle class="dot c{number}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>')
    return "\n".join(out)
