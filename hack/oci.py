#!/usr/bin/env python3
"""Turns a root directory into an OCI image archive. The same directory gives the same bytes: entries are sorted, times
are zero, everything belongs to root. Content is streamed, never held in memory; layers are not compressed, as the
archives go from disk to disk."""

import argparse
import datetime
import hashlib
import io
import json
import os
import platform
import sys
import tarfile
import tempfile

OCI = "application/vnd.oci.image."
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class Digester(io.RawIOBase):
    """A write-only file that hashes and counts what passes through."""

    def __init__(self, below):
        self.below, self.sha, self.size = below, hashlib.sha256(), 0

    def writable(self):
        return True

    def write(self, data):
        self.sha.update(data)
        self.size += len(data)
        return self.below.write(data)

    def digest(self):
        return "sha256:" + self.sha.hexdigest()


def paths_below(root):
    for folder, folders, files in os.walk(root):
        folders.sort()
        # os.walk lists links to folders among the folders; it does not follow them.
        for name in sorted(folders + files):
            yield os.path.join(folder, name)


def normalised(entry):
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


def write_layer(root, out):
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for path in paths_below(root):
            entry = tar.gettarinfo(path, arcname=os.path.relpath(path, root))
            if entry is None:  # a socket
                continue
            if entry.isreg():
                with open(path, "rb") as content:
                    tar.addfile(normalised(entry), content)
            else:
                tar.addfile(normalised(entry))


def descriptor(kind, data_or_digest, size=None):
    if size is None:
        size = len(data_or_digest)
        data_or_digest = "sha256:" + hashlib.sha256(data_or_digest).hexdigest()
    return {"mediaType": OCI + kind, "digest": data_or_digest, "size": size}


def encode(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def image_config(options, layer_digest):
    config = {"Env": options.env, "WorkingDir": options.workdir}
    if options.entrypoint:
        config["Entrypoint"] = options.entrypoint
    if options.user:
        config["User"] = options.user
    return {
        "architecture": architecture(),
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [layer_digest]},
    }


def blob_path(blob):
    return "blobs/sha256/" + blob["digest"].removeprefix("sha256:")


def read_blob(archive, blob):
    """The document that is a blob of an archive."""
    return json.load(archive.extractfile(blob_path(blob)))


def image_in(archive):
    """(the entry of the only image in an archive's index, its manifest)."""
    (entry,) = json.load(archive.extractfile("index.json"))["manifests"]
    return entry, read_blob(archive, entry)


def moment(seconds):
    """As RFC 3339 has it."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def architecture():
    """Of this machine."""
    return ARCHITECTURES.get(platform.machine(), platform.machine())


def write_archive(out, layer_file, layer, config, name, annotations=None):
    """`annotations` become those of the image's manifest."""
    config_bytes = encode(config)
    config_blob = descriptor("config.v1+json", config_bytes)
    content = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "config": config_blob, "layers": [layer]}
    if annotations:
        content["annotations"] = annotations
    manifest_bytes = encode(content)
    manifest = descriptor("manifest.v1+json", manifest_bytes)
    # The first is containerd's annotation (a full name), the second the specification's.
    manifest["annotations"] = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name}
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar:

        def add(path, data, size):
            entry = tarfile.TarInfo(path)
            entry.size = size
            tar.addfile(entry, data)

        index = encode({"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": [manifest]})
        for path, data in (
            ("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'),
            ("index.json", index),
            (blob_path(manifest), manifest_bytes),
            (blob_path(config_blob), config_bytes),
        ):
            add(path, io.BytesIO(data), len(data))
        layer_file.seek(0)
        add(blob_path(layer), layer_file, layer["size"])
    return manifest["digest"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root")
    parser.add_argument("archive")
    parser.add_argument("--name", required=True, help="full name with tag, such as localhost/modelrun-python:dev")
    parser.add_argument("--entrypoint", type=json.loads, help="JSON list")
    parser.add_argument("--user", default="")
    parser.add_argument("--workdir", default="/")
    parser.add_argument("--env", action="append", default=["PATH=/usr/local/bin:/usr/bin:/bin"])
    options = parser.parse_args()

    folder = os.path.dirname(os.path.abspath(options.archive))
    with tempfile.TemporaryFile(dir=folder) as layer_file:
        digester = Digester(layer_file)
        write_layer(options.root, digester)
        layer = descriptor("layer.v1.tar", digester.digest(), digester.size)
        partial = options.archive + ".partial"
        with open(partial, "wb") as out:
            digest = write_archive(out, layer_file, layer, image_config(options, layer["digest"]), options.name)
        os.replace(partial, options.archive)
    print(options.name, digest, file=sys.stderr)


if __name__ == "__main__":
    main()
