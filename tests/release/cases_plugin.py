"""kubectl-modelrun as it is released: one static program that runs where nothing else is."""

import os
import re

from harness import Skip, case, same
from machine import IN_DNS, IN_HOSTS, UNTRUSTED, Root, api_server, dns_server
from released import RELEASE, must, run


def root_directory(name):
    if os.geteuid() != 0:
        raise Skip("only root may change the root directory")
    return Root(name)


def sees_the_run(answer):
    code, said = answer
    assert code == 0 and "the-only-run" in said, f"exit code {code}: {said}"


@case
def the_plugin_wants_no_loader_no_library_and_no_new_kernel():
    root = root_directory("elf")
    program = os.path.join(root.path, "kubectl-modelrun")
    headers = must("readelf", "--wide", "--program-headers", "--dynamic", program)
    assert "INTERP" not in headers and "NEEDED" not in headers, headers
    kernel = re.search(r"OS: Linux, ABI: (\d+)\.(\d+)", must("readelf", "--notes", program))
    assert (int(kernel[1]), int(kernel[2])) <= (3, 10), f"wants Linux {kernel[0]}"
    assert re.search(r"x86 ISA needed: .*x86-64-v[2-4]", must("readelf", "--notes", program)) is None
    same(must("chroot", root.path, "/kubectl-modelrun", "--version").strip(), RELEASE.version)


@case
def names_are_resolved_by_hosts_and_dns_whatever_nsswitch_says():
    root = root_directory("names")
    with api_server() as port, dns_server():
        root.copy(RELEASE.at("ca.crt"), "/api.pem")
        sees_the_run(root.get("localhost", port))
        # Modules that glibc would load from the machine, and that keep it from asking further.
        root.write("/etc/nsswitch.conf", "hosts: mymachines resolve [!UNAVAIL=return] mdns4_minimal [NOTFOUND=return]\n")
        for host in ("localhost", IN_HOSTS, IN_DNS):
            sees_the_run(root.get(host, port))
        code, said = root.get("nowhere.test", port)
        assert code != 0 and "the-only-run" not in said, said


@case
def a_server_with_another_name_or_of_another_authority_is_refused():
    root = root_directory("tls")
    with api_server() as port:
        root.copy(RELEASE.at("ca.crt"), "/api.pem")
        for host, authority in ((UNTRUSTED, "/api.pem"), (IN_HOSTS, None)):
            code, said = root.get(host, port, authority)
            assert code != 0 and "the-only-run" not in said, f"{host}, {authority}: {said}"


@case
def the_machines_own_authorities_are_found_where_distributions_keep_them():
    with api_server() as port:
        for number, path in enumerate(("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem")):
            root = root_directory(f"authorities-{number}")
            root.copy(RELEASE.at("ca.crt"), path)
            sees_the_run(root.get(IN_HOSTS, port, None))


@case
def it_tries_a_model_without_a_cluster():
    program = os.path.join(root_directory("try").path, "kubectl-modelrun")
    folder = RELEASE.at("model")
    os.makedirs(folder)
    with open(os.path.join(folder, "run.py"), "w", encoding="utf-8") as file:
        file.write("print(6 * 7)\n")
    code, said = run(program, "try", folder, timeout=120)
    assert code == 0 and said.startswith("42\n") and "Rings:     process,seccomp,landlock" in said, said
