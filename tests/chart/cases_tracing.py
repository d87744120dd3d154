"""Traces: where operator and gateway are told to send them, and that they get there."""

from cases_policies import lets_out, policy
from chart import container_of, refused, render
from harness import case, same

HEADERS = {"name": "OTEL_EXPORTER_OTLP_HEADERS", "valueFrom": {"secretKeyRef": {"name": "collector", "key": "headers"}}}


def tracing_of(values):
    """Of both programs: the flags about traces, and the variables of OpenTelemetry."""
    objects = render({"gateway": {"enabled": True}, **values})
    found = []
    for component in ("operator", "gateway"):
        container = container_of(objects, component)
        flags = [flag for flag in container["args"] if "otlp" in flag or "trace" in flag]
        found.append((flags, [each for each in container.get("env", []) if each["name"].startswith("OTEL_")]))
    same(found[0], found[1])
    return found[0]


@case
def there_are_no_traces_unless_asked_for():
    same(tracing_of({}), ([], []))
    same(tracing_of({"tracing": {"headersSecret": "collector", "sampleRatio": 0.5}}), ([], []))
    assert "env" not in container_of(render({"gateway": {"enabled": True}}), "gateway")


@case
def both_programs_are_told_the_collector():
    url = "http://collector.example.com:4318"
    same(tracing_of({"tracing": {"otlpEndpoint": url}}), ([f"--otlp-endpoint={url}", "--trace-sample-ratio=1"], []))
    same(tracing_of({"tracing": {"otlpEndpoint": url, "sampleRatio": 0.05, "headersSecret": "collector"}}),
         ([f"--otlp-endpoint={url}", "--trace-sample-ratio=0.05"], [HEADERS]))
    extra = [{"name": "OTEL_RESOURCE_ATTRIBUTES", "value": "k8s.cluster.name=a"}]
    values = {"tracing": {"otlpEndpoint": url, "headersSecret": "collector"}, "operator": {"extraEnv": extra}, "gateway": {"enabled": True, "extraEnv": extra}}
    same(tracing_of(values)[1], [HEADERS, *extra])


@case
def wrong_values_are_refused():
    for tracing in ({"otlpEndpoint": "collector:4318"}, {"otlpEndpoint": "grpc://collector:4317"}, {"otlpEndpoint": "http://user:word@collector"}, {"otlpEndpoint": "http://collector:"},
                    {"sampleRatio": 1.5}, {"sampleRatio": -1}, {"headersSecret": "Not A Name"}, {"endpoint": "http://collector"}):
        refused({"tracing": tracing}, "tracing")


@case
def egress_reaches_the_collector_on_its_port():
    def spec(component, url, **egress):
        return policy(f"modelrun-{component}-egress", tracing={"otlpEndpoint": url},
                      networkPolicy={"egress": {"enabled": True, "apiServerCIDRs": ["10.1.2.3/32"], **egress}})

    for component in ("operator", "gateway"):
        for url, port in (("http://collector:4318", 4318), ("http://collector", 80), ("https://collector/otlp", 443)):
            found = [lets_out(spec(component, url), *to) for to in (("10.5.5.5", port), ("10.5.5.5", 4317), ("169.254.169.254", port))]
            same((url, found), (url, [True, False, False]))
        same(lets_out(spec(component, ""), "10.5.5.5", 4318), False)
        peers = [{"ipBlock": {"cidr": "10.5.5.5/32"}}]
        chosen = spec(component, "http://collector:4318", collector=peers)
        same((lets_out(chosen, "10.5.5.5", 4318), lets_out(chosen, "10.5.5.6", 4318)), (True, False))
        behind = spec(component, "http://collector", collector=peers, collectorPorts=[4318])
        same((lets_out(behind, "10.5.5.5", 4318), lets_out(behind, "10.5.5.5", 80)), (True, False))
