"""NetworkPolicies, asked what they let through."""

import ipaddress

from chart import container_of, render
from harness import case, same



def policy(name, **values):
    return render({"gateway": {"enabled": True}, **values})["NetworkPolicy", name]["spec"]


def lets_out(spec, address, port, protocol="TCP"):
    """Whether the egress rules let a connection to an address outside of the cluster's pods through."""
    address = ipaddress.ip_address(address)

    def is_in(block):
        return address in ipaddress.ip_network(block["cidr"]) and not any(address in ipaddress.ip_network(e) for e in block.get("except", []))

    for rule in spec["egress"]:
        ports = [(p["port"], p.get("protocol", "TCP")) for p in rule["ports"]]
        if (port, protocol) in ports and ("to" not in rule or any("ipBlock" in peer and is_in(peer["ipBlock"]) for peer in rule["to"])):
            return True
    return False


@case
def each_policy_is_of_pods_that_exist():
    objects = render({"gateway": {"enabled": True}, "networkPolicy": {"egress": {"enabled": True}}})
    labels = [item["spec"]["template"]["metadata"]["labels"] for (kind, _), item in objects.items() if kind == "Deployment"]
    policies = {name: item["spec"] for (kind, name), item in objects.items() if kind == "NetworkPolicy"}
    same(set(policies), {"modelrun-operator", "modelrun-gateway", "modelrun-operator-egress", "modelrun-gateway-egress"})
    for name, spec in policies.items():
        assert sum(spec["podSelector"]["matchLabels"].items() <= each.items() for each in labels) == 1, name


@case
def ingress_by_port_and_peer():
    monitoring, proxy = ([{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}] for name in ("monitoring", "ingress"))
    objects = render({"gateway": {"enabled": True}, "networkPolicy": {"metricsFrom": monitoring, "gateway": {"from": proxy}}})
    rules = {rule["ports"][0]["port"]: rule.get("from") for rule in objects["NetworkPolicy", "modelrun-gateway"]["spec"]["ingress"]}
    same(rules, {"gateway": proxy, "http": monitoring})
    rules = {rule["ports"][0]["port"]: rule.get("from") for rule in objects["NetworkPolicy", "modelrun-operator"]["spec"]["ingress"]}
    same(rules["http"], monitoring)
    assert rules["run-server"][0]["podSelector"]["matchExpressions"] == [{"key": "modelrun.dev/run-uid", "operator": "Exists"}]
    for component in ("operator", "gateway"):
        ports = {port["name"] for port in container_of(objects, component)["ports"]}
        named = {port["port"] for rule in objects["NetworkPolicy", f"modelrun-{component}"]["spec"]["ingress"] for port in rule["ports"]}
        same(named, ports)


@case
def policies_can_be_left_out():
    kinds = [kind for kind, _ in render({"gateway": {"enabled": True}, "networkPolicy": {"enabled": False, "egress": {"enabled": True}}})]
    assert "NetworkPolicy" not in kinds
    names = {name for kind, name in render({"gateway": {"enabled": True}, "networkPolicy": {"gateway": {"enabled": False}}}) if kind == "NetworkPolicy"}
    same(names, {"modelrun-operator"})


@case
def egress_to_public_addresses_and_the_api_server_only():
    settings = {"enabled": True, "apiServerCIDRs": ["10.1.2.3/32"]}
    for component in ("operator", "gateway"):
        spec = policy(f"modelrun-{component}-egress", networkPolicy={"egress": settings})
        same(spec["policyTypes"], ["Egress"])
        for address, port, protocol, expected in (
            ("192.0.2.1", 443, "TCP", True), ("2001:db8::1", 443, "TCP", True), ("10.1.2.3", 6443, "TCP", True), ("10.0.0.53", 53, "UDP", True),
            ("10.1.2.4", 443, "TCP", False), ("10.1.2.4", 6443, "TCP", False), ("172.16.0.1", 443, "TCP", False), ("192.168.0.1", 443, "TCP", False),
            ("100.64.0.1", 443, "TCP", False), ("fd00::1", 443, "TCP", False), ("169.254.169.254", 443, "TCP", False), ("fe80::1", 443, "TCP", False),
            ("192.0.2.1", 22, "TCP", False), ("192.0.2.1", 80, "TCP", False),
        ):
            same((component, address, port, lets_out(spec, address, port, protocol)), (component, address, port, expected))


@case
def egress_to_private_git_servers_follows_the_operators_permission():
    values = {"networkPolicy": {"egress": {"enabled": True, "apiServerCIDRs": ["10.1.2.3/32"], "publicPorts": [443, 80]}},
              "operator": {"git": {"allowPrivateAddresses": True}}}
    spec = policy("modelrun-operator-egress", **values)
    for address, expected in {"10.1.2.4": True, "fd00::1": True, "192.0.2.1": True, "169.254.169.254": False}.items():
        same((address, lets_out(spec, address, 80)), (address, expected))
    same(lets_out(policy("modelrun-gateway-egress", **values), "10.1.2.4", 443), False)


@case
def egress_by_rules_of_ones_own():
    dns = [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}]
    extra = [{"to": [{"ipBlock": {"cidr": "10.9.9.9/32"}}], "ports": [{"port": 8443}]}]
    for component in ("operator", "gateway"):
        spec = policy(f"modelrun-{component}-egress", networkPolicy={"egress": {"enabled": True, "dns": dns, "extra": extra}})
        same((spec["egress"][0]["to"], spec["egress"][-1]), (dns, extra[0]))
        same((lets_out(spec, "10.9.9.9", 8443), lets_out(spec, "10.9.9.8", 8443)), (True, False))
