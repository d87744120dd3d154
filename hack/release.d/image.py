#!/usr/bin/env python3
"""Gives an image of hack/images the name and the labels of a release. Its layer stays as it is, bit by bit, so that what is released is what
was tested.

usage: image.py ARCHIVE OUT --name NAME --created SECONDS --label KEY=VALUE...

Prints the digest of the image's manifest.
"""

import argparse
import os
import sys
import tarfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import oci  # noqa: E402  # hack/oci.py


def relabelled(config, options):
    labels = dict(label.split("=", 1) for label in options.label)
    created = oci.moment(options.created)
    labels["org.opencontainers.image.created"] = created
    return {**config, "created": created, "config": {**config["config"], "Labels": labels}}, labels


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive")
    parser.add_argument("out")
    parser.add_argument("--name", required=True)
    parser.add_argument("--created", type=int, required=True)
    parser.add_argument("--label", action="append", default=[])
    options = parser.parse_args()

    with tarfile.open(options.archive) as archive:
        _, manifest = oci.image_in(archive)
        layer = manifest["layers"][0]
        config, labels = relabelled(oci.read_blob(archive, manifest["config"]), options)
        partial = options.out + ".partial"
        with open(partial, "wb") as out:
            layer_file = archive.extractfile(oci.blob_path(layer))
            digest = oci.write_archive(out, layer_file, layer, config, options.name, labels)
        os.replace(partial, options.out)
    print(digest)


if __name__ == "__main__":
    main()
