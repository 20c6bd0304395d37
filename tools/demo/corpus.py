"""The demo's corpus: the PostgreSQL manual as Debian ships it (PostgreSQL licence)."""

import os
import shutil
import subprocess
from pathlib import Path

PACKAGE = "postgresql-doc-15"


class NoCorpus(Exception):
    """Says why the corpus cannot be had, and what to do."""


def apt_get(arguments, **options):
    options |= {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
    return subprocess.run(["apt-get", "-q", *arguments], check=False, **options)


def download(folder):
    """Downloads the package into `folder` and returns its path."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise NoCorpus(f"apt-get and dpkg-deb are needed to fetch {PACKAGE}: run it on Debian")
    answer = apt_get(["download", PACKAGE], cwd=folder)
    if answer.returncode != 0:  # the lists may be missing or older than the mirror
        as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
        if not as_root or shutil.which("sudo"):
            subprocess.run([*as_root, "apt-get", "-q", "update"], check=False, capture_output=True)
            answer = apt_get(["download", PACKAGE], cwd=folder)
    packages = sorted(Path(folder).glob(f"{PACKAGE}_*.deb"))
    if answer.returncode != 0 or not packages:
        reason = (answer.stderr.strip().splitlines() or ["no package arrived"])[-1]
        raise NoCorpus(
            f"apt-get download {PACKAGE} failed: {reason}\n"
            "The demo needs its corpus once; make sure that the Debian 12 mirror can be reached."
        )
    return packages[-1]


def fetch(build):
    """The folder of the manual's HTML pages; fetched once and kept below `build`."""
    target = Path(build) / "corpus" / PACKAGE
    if target.is_dir():
        return target
    partial = target.with_name("partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    package = download(partial)
    subprocess.run(["dpkg-deb", "-x", package, partial / "tree"], check=True)
    pages = partial / "pages"
    pages.mkdir()
    for page in (partial / "tree/usr/share/doc" / PACKAGE / "html").glob("*.html"):
        shutil.copyfile(page, pages / page.name)  # without the pictures and style sheets
    if not any(pages.iterdir()):
        raise NoCorpus(f"{package.name} holds no HTML pages where Debian 12 has them")
    pages.rename(target)
    shutil.rmtree(partial)
    return target
