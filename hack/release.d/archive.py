#!/usr/bin/env python3
"""Files that do not tell when and by whom they were packed.

usage: archive.py pack OUT.tar.gz TIME PATH=NAME...   a new archive of these files, in this order
       archive.py normalise IN.tar.gz OUT.tar.gz TIME the same entries in the order of their names

Every entry belongs to root and has TIME, in seconds since 1970; modes are 0644, or 0755 for what is executable.
"""

import gzip
import os
import sys
import tarfile


class Writer:
    """Writes a tar.gz. A context manager; what was written is complete only after it."""

    def __init__(self, path, time):
        self.time = int(time)
        self.file = open(path, "wb")  # pylint: disable=consider-using-with  # closed in __exit__
        # Without a name and a time of its own.
        self.gzip = gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=self.file, mtime=0)
        self.tar = tarfile.open(fileobj=self.gzip, mode="w", format=tarfile.USTAR_FORMAT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for stream in (self.tar, self.gzip, self.file):
            stream.close()

    def add(self, name, size, executable, content):
        entry = tarfile.TarInfo(name)
        entry.size, entry.mtime, entry.mode = size, self.time, 0o755 if executable else 0o644
        self.tar.addfile(entry, content)


def pack(out, time, *files):
    with Writer(out, time) as writer:
        for path, name in (file.rsplit("=", 1) for file in files):
            with open(path, "rb") as content:
                status = os.fstat(content.fileno())
                writer.add(name, status.st_size, status.st_mode & 0o111, content)


def normalise(source, out, time):
    with tarfile.open(source) as tar, Writer(out, time) as writer:
        for entry in sorted(tar.getmembers(), key=lambda entry: entry.name):
            if not entry.isreg():
                sys.exit(f"archive.py: {source}: {entry.name} is not a file")
            writer.add(entry.name, entry.size, entry.mode & 0o111, tar.extractfile(entry))


def main():
    commands = {"pack": pack, "normalise": normalise}
    if len(sys.argv) < 4 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
