"""The gateway: its address, certificates, scaling."""

from chart import container_of, pod_of, refused, render
from harness import case, same

NAMES = ["modelrun-gateway", "modelrun-gateway.modelrun-system", "modelrun-gateway.modelrun-system.svc"]
CERT_MANAGER = {"certManager": {"enabled": True, "issuerRef": {"name": "internal"}}}


def gateway(**values):
    return render({"gateway": {"enabled": True, **values}})


def allowed_hosts(objects):
    return [flag.split("=", 1)[1] for flag in container_of(objects, "gateway")["args"] if flag.startswith("--allowed-host=")]


@case
def an_ingress_sends_its_hosts_to_the_gateway():
    tls = [{"secretName": "models", "hosts": ["models.example.com"]}]
    objects = gateway(ingress={"enabled": True, "className": "nginx", "annotations": {"a": "b"}, "hosts": ["models.example.com", "m.example.com"], "tls": tls},
                      allowedHosts=["models.example.com", "other.example.com"])
    ingress = objects["Ingress", "modelrun-gateway"]
    same(ingress["metadata"]["annotations"], {"a": "b"})
    same((ingress["spec"]["ingressClassName"], ingress["spec"]["tls"]), ("nginx", tls))
    same([rule["host"] for rule in ingress["spec"]["rules"]], ["models.example.com", "m.example.com"])
    service = objects["Service", "modelrun-gateway"]
    for rule in ingress["spec"]["rules"]:
        path = rule["http"]["paths"][0]
        same((path["path"], path["pathType"]), ("/", "Prefix"))
        same(path["backend"]["service"], {"name": service["metadata"]["name"], "port": {"name": service["spec"]["ports"][0]["name"]}})
    # Otherwise the gateway would refuse what the Ingress sends.
    same(allowed_hosts(objects), NAMES + ["models.example.com", "other.example.com", "m.example.com"])
    refused({"gateway": {"enabled": True, "ingress": {"enabled": True}}}, "gateway.ingress.hosts is empty")


@case
def a_route_sends_its_hosts_to_the_gateway():
    parents = [{"name": "public", "namespace": "gateways"}]
    objects = gateway(httpRoute={"enabled": True, "parentRefs": parents, "hostnames": ["models.example.com"], "timeouts": {"request": "0s"},
                                 "filters": [{"type": "RequestMirror"}]})
    spec = objects["HTTPRoute", "modelrun-gateway"]["spec"]
    same((spec["parentRefs"], spec["hostnames"]), (parents, ["models.example.com"]))
    rule = spec["rules"][0]
    same((rule["timeouts"], rule["filters"]), ({"request": "0s"}, [{"type": "RequestMirror"}]))
    same(rule["backendRefs"], [{"name": "modelrun-gateway", "port": objects["Service", "modelrun-gateway"]["spec"]["ports"][0]["port"]}])
    same(allowed_hosts(objects), NAMES + ["models.example.com"])
    refused({"gateway": {"enabled": True, "httpRoute": {"enabled": True}}}, "gateway.httpRoute.parentRefs is empty")


@case
def a_certificate_has_every_name_of_the_gateway():
    objects = gateway(tls=CERT_MANAGER, allowedHosts=["a.example.com"], ingress={"enabled": True, "hosts": ["b.example.com"]})
    spec = objects["Certificate", "modelrun-gateway"]["spec"]
    same(spec["dnsNames"], NAMES + ["a.example.com", "b.example.com"])
    same(spec["issuerRef"], {"name": "internal", "kind": "Issuer", "group": "cert-manager.io"})
    same(set(spec["dnsNames"]), set(allowed_hosts(objects)))
    # The gateway mounts the Secret that cert-manager makes, and serves HTTPS.
    tls = next(volume for volume in pod_of(objects, "gateway")["spec"]["volumes"] if volume["name"] == "tls")
    same(tls["secret"]["secretName"], spec["secretName"])
    flags = container_of(objects, "gateway")["args"]
    assert "--tls-cert=/tls/tls.crt" in flags and "--insecure-http" not in flags, flags
    same(objects["Service", "modelrun-gateway"]["spec"]["ports"][0]["port"], 443)


@case
def certificates_settings():
    objects = gateway(tls={"secretName": "own", "certManager": {"enabled": True, "issuerRef": {"name": "public", "kind": "ClusterIssuer"}, "serviceNames": False,
                                                              "dnsNames": ["models.example.com"], "duration": "2160h", "renewBefore": "360h"}})
    spec = objects["Certificate", "modelrun-gateway"]["spec"]
    same((spec["secretName"], spec["dnsNames"], spec["duration"], spec["renewBefore"]), ("own", ["models.example.com"], "2160h", "360h"))
    same(spec["issuerRef"]["kind"], "ClusterIssuer")
    refused({"gateway": {"enabled": True, "tls": {"certManager": {"enabled": True}}}}, "issuerRef.name is missing")
    nameless = {"certManager": {**CERT_MANAGER["certManager"], "serviceNames": False}}
    refused({"gateway": {"enabled": True, "tls": nameless}}, "the certificate has no name")


@case
def plain_http_without_a_certificate():
    objects = gateway()
    assert "--insecure-http" in container_of(objects, "gateway")["args"]
    same(objects["Service", "modelrun-gateway"]["spec"]["ports"][0]["port"], 80)
    assert not [key for key in objects if key[0] in ("Certificate", "Ingress", "HTTPRoute", "HorizontalPodAutoscaler")]


@case
def the_service_is_as_told():
    objects = gateway(service={"type": "LoadBalancer", "port": 8443, "annotations": {"a": "b"}, "loadBalancerClass": "example.com/lb",
                               "loadBalancerSourceRanges": ["192.0.2.0/24"], "externalTrafficPolicy": "Local"})
    service = objects["Service", "modelrun-gateway"]
    same(service["metadata"]["annotations"], {"a": "b"})
    same({key: value for key, value in service["spec"].items() if key not in ("selector", "ports")},
         {"type": "LoadBalancer", "loadBalancerClass": "example.com/lb", "loadBalancerSourceRanges": ["192.0.2.0/24"], "externalTrafficPolicy": "Local"})
    same(service["spec"]["ports"], [{"name": "gateway", "port": 8443, "targetPort": "gateway"}])
    objects = render({"operator": {"runServer": {"service": {"annotations": {"a": "b"}}}}})
    same(objects["Service", "modelrun-run-server"]["metadata"]["annotations"], {"a": "b"})


@case
def an_autoscaler_alone_decides_how_many_there_are():
    objects = gateway(replicas=1, autoscaling={"enabled": True, "minReplicas": 3, "maxReplicas": 9, "targetMemoryUtilizationPercentage": 70,
                                               "behavior": {"scaleDown": {"stabilizationWindowSeconds": 600}}})
    assert "replicas" not in objects["Deployment", "modelrun-gateway"]["spec"], "the next upgrade would set the number back"
    spec = objects["HorizontalPodAutoscaler", "modelrun-gateway"]["spec"]
    same(spec["scaleTargetRef"], {"apiVersion": "apps/v1", "kind": "Deployment", "name": "modelrun-gateway"})
    same((spec["minReplicas"], spec["maxReplicas"], spec["behavior"]), (3, 9, {"scaleDown": {"stabilizationWindowSeconds": 600}}))
    same({each["resource"]["name"]: each["resource"]["target"]["averageUtilization"] for each in spec["metrics"]}, {"cpu": 400, "memory": 70})
    assert ("PodDisruptionBudget", "modelrun-gateway") in objects
    enabled = {"enabled": True, "autoscaling": {"enabled": True}}
    refused({"gateway": {**enabled, "autoscaling": {"enabled": True, "minReplicas": 9}}}, "must not be greater than maxReplicas")
    refused({"gateway": {**enabled, "autoscaling": {"enabled": True, "targetCPUUtilizationPercentage": 0}}}, "needs targetCPUUtilizationPercentage")


@case
def nothing_of_the_gateway_is_there_without_it():
    parts = {"autoscaling": {"enabled": True}, "tls": CERT_MANAGER, "ingress": {"enabled": True, "hosts": ["a.example.com"]},
             "httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}]}}
    same(set(render({"gateway": {"enabled": False, **parts}, "networkPolicy": {"egress": {"enabled": True}}})) - set(render()),
         {("NetworkPolicy", "modelrun-operator-egress")})
