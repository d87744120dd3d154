"""Events: where the operator is told to send them, what it signs them with, and that they get there."""

from cases_policies import lets_out, policy
from chart import container_of, pod_of, refused, render
from documented import blocks, text_of
from harness import case, same

URL = "https://events.example.com/modelrun"
EVENTS = {"url": URL, "signingSecret": "event-keys"}


def events_of(values, component="operator"):
    """The flags about events of a program, and the volumes and mounts for them."""
    objects = render({"gateway": {"enabled": True}, **values})
    container = container_of(objects, component)
    ours = lambda named: [each for each in named if each["name"].startswith("events-")]  # noqa: E731
    flags = [flag for flag in container["args"] if flag.startswith("--events-")]
    return flags, ours(container.get("volumeMounts", [])), ours(pod_of(objects, component)["spec"].get("volumes", []))


@case
def there_are_no_events_unless_asked_for():
    same(events_of({}), ([], [], []))
    same(events_of({"events": {"signingSecret": "event-keys", "caConfigMap": "ca"}}), ([], [], []))


@case
def the_operator_is_told_the_receiver_and_has_the_keys():
    flags, mounts, volumes = events_of({"events": EVENTS})
    same(flags, [f"--events-url={URL}", "--events-key-file=/etc/modelrun/events/keys/keys", "--events-source=/modelrun",
                 "--events-timeout-seconds=10", "--events-give-up-seconds=86400"])
    same(mounts, [{"name": "events-keys", "mountPath": "/etc/modelrun/events/keys", "readOnly": True}])
    same(volumes, [{"name": "events-keys", "secret": {"secretName": "event-keys", "items": [{"key": "keys", "path": "keys"}]}}])
    same(events_of({"events": EVENTS}, "gateway"), ([], [], []))


@case
def everything_about_events_can_be_said():
    flags, mounts, volumes = events_of({"events": {**EVENTS, "signingSecretKey": "k.1", "caConfigMap": "ca", "source": "https://a.example.com/prod",
                                                   "timeoutSeconds": 3, "giveUpSeconds": 604800}})
    same(flags, [f"--events-url={URL}", "--events-key-file=/etc/modelrun/events/keys/keys", "--events-ca-file=/etc/modelrun/events/ca/ca.crt",
                 "--events-source=https://a.example.com/prod", "--events-timeout-seconds=3", "--events-give-up-seconds=604800"])
    same([mount["mountPath"] for mount in mounts], ["/etc/modelrun/events/keys", "/etc/modelrun/events/ca"])
    same(volumes[0]["secret"]["items"], [{"key": "k.1", "path": "keys"}])
    same(volumes[1]["configMap"], {"name": "ca", "items": [{"key": "ca.crt", "path": "ca.crt"}]})


@case
def wrong_values_of_events_are_refused():
    for events in ({"url": URL}, {"url": "events:80", "signingSecret": "s"}, {"url": "http://user:word@events", "signingSecret": "s"},
                   {"url": "http://events?q", "signingSecret": "s"}, {**EVENTS, "signingSecret": "Not A Name"}, {**EVENTS, "source": "a b"},
                   {**EVENTS, "source": "/a/"}, {**EVENTS, "source": ""}, {**EVENTS, "timeoutSeconds": 0}, {**EVENTS, "timeoutSeconds": 61},
                   {**EVENTS, "giveUpSeconds": 59}, {**EVENTS, "giveUpSeconds": 604801}, {**EVENTS, "key": "whsec_"}):
        refused({"events": events}, "events")


@case
def egress_reaches_the_receiver_on_its_port():
    def spec(component, url, **egress):
        return policy(f"modelrun-{component}-egress", events={**EVENTS, "url": url},
                      networkPolicy={"egress": {"enabled": True, "apiServerCIDRs": ["10.1.2.3/32"], **egress}})

    for url, port in (("http://events:8444", 8444), ("http://events", 80), ("https://events/in", 443)):
        found = [lets_out(spec("operator", url), *to) for to in (("10.5.5.5", port), ("10.5.5.5", 8445), ("169.254.169.254", port))]
        same((url, found), (url, [True, False, False]))
    same(lets_out(spec("operator", ""), "10.5.5.5", 8444), False)
    same(lets_out(spec("gateway", "http://events:8444"), "10.5.5.5", 8444), False)
    peers = [{"ipBlock": {"cidr": "10.5.5.5/32"}}]
    chosen = spec("operator", "http://events:8444", events=peers)
    same((lets_out(chosen, "10.5.5.5", 8444), lets_out(chosen, "10.5.5.6", 8444)), (True, False))
    behind = spec("operator", "http://events", events=peers, eventsPorts=[8444])
    same((lets_out(behind, "10.5.5.5", 8444), lets_out(behind, "10.5.5.5", 80)), (True, False))


@case
def the_snippet_of_the_page_verifies_signatures():
    """By the example with which the libraries of the Standard Webhooks specification test themselves."""
    (snippet,) = blocks(text_of("events.md"), "python")
    page = {}
    exec(snippet, page)  # pylint: disable=exec-used
    key, other, sent = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" + "A" * 32, 1614265330
    body = b'{"test": 2432232314}'
    headers = {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": str(sent), "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}
    verified = lambda keys=(key,), content=body, now=sent + 9, **changes: page["verified"](keys, {**headers, **changes}, content, now)  # noqa: E731
    same((verified(), verified([other, key])), (True, True))
    two = {"webhook-signature": "v1,AAAA " + headers["webhook-signature"]}
    same(verified(**two), True)
    for wrong in ({"keys": [other]}, {"content": body + b" "}, {"now": sent + 301}, {"now": sent - 301}, {"webhook-id": "msg_x"}, {"webhook-timestamp": "1e9"},
                  {"webhook-timestamp": str(sent + 1)}, {"webhook-signature": "v1,AAAA"}, {"webhook-signature": ""}):
        same((wrong, verified(**wrong)), (wrong, False))
