"""A headless Chromium on the gateway's page, which notes whatever a page should never do."""

import contextlib
import os

from axe_playwright_python.sync_playwright import Axe
from cluster import PATIENCE, ROOT
from harness import Skip
from playwright.sync_api import expect, sync_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SCREENSHOTS = os.path.join(ROOT, "build", "screenshots")
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
# Seconds for what the cluster has to do first.
SOON, LATER = 15 * PATIENCE, 60 * PATIENCE
NUMBER, WORD = r"(?<![\w.,:-])[-+]?\d(?:[\d.,]*\d)?(?:e[-+]?\d+)?(?![\w:-])", r"[\w-]+"
BROKEN = """([pattern, within]) => [...document.querySelectorAll(within)].flatMap((element) => {
    const found = [], walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const node = walker.currentNode;
        if (node.parentElement.closest('.mono')) continue;  // digests have no lines of their own
        for (const match of node.data.matchAll(new RegExp(pattern, 'g'))) {
            const range = document.createRange();
            range.setStart(node, match.index);
            range.setEnd(node, match.index + match[0].length);
            const lines = [...range.getClientRects()].filter((box) => box.width > 0).map((box) => Math.round(box.top));
            if (new Set(lines).size > 1) found.push(match[0]);
        }
    }
    return found;
})"""
PICTURES = """(card) => [...card.querySelectorAll('canvas')].map((canvas) => {
    const chart = Chart.getChart(canvas);
    const marks = Object.entries(chart.scales).map(([name, scale]) => [name, scale.ticks.map((tick) => tick.label)]);
    return {type: chart.config.type, series: chart.data.datasets.map((each) => each.label),
        points: chart.data.datasets.map((each) => each.data.length), marks: Object.fromEntries(marks)};
})"""
expect.set_options(timeout=SOON * 1000)


class Browser:
    """One window. `faults`: dialogs, errors, refusals by the page's own policy, and requests to anybody else."""

    def __init__(self, chromium, gateway, viewport=None, scheme="light"):
        self.gateway, self.faults = gateway, []
        self.context = chromium.new_context(viewport=viewport or WIDE, color_scheme=scheme, accept_downloads=True)
        self.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.page = self.context.new_page()
        self.page.set_default_timeout(SOON * 1000)
        self.page.on("dialog", self._dialog)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("console", lambda line: self.faults.append(f"console: {line.text}") if line.type in ("error", "warning") else None)
        self.page.on("request", self._request)

    def _dialog(self, dialog):
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request):
        if not request.url.startswith((self.gateway.url + "/", "blob:")):
            self.faults.append(f"request: {request.url}")

    def open(self, address="", token=None):
        """`address`: what stands behind the #."""
        self.page.goto(f"{self.gateway.url}/#{address}")
        if token:
            self.page.get_by_label("Token", exact=True).fill(token)
            self.page.get_by_role("button", name="Open").click()
            self.page.get_by_role("button", name="Forget token").wait_for()
        return self.page

    def picture(self, name, full=True):
        os.makedirs(SCREENSHOTS, exist_ok=True)
        self.page.screenshot(path=os.path.join(SCREENSHOTS, f"{name}.png"), full_page=full)

    def accessible(self, where):
        """axe-core finds nothing of WCAG 2.2 AA and its best practices."""
        found = Axe().run(self.page).response["violations"]
        told = [f"{each['id']}: {[node['html'][:160] for node in each['nodes'][:3]]}" for each in found]
        assert not told, f"{where}: {told}"

    def fits(self):
        """Nothing makes the page wider than its window."""
        width, window = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert width <= window, f"the page is {width} wide in a window of {window}"


    def broken(self, pattern, within="main"):
        """Texts of the pattern that are laid out in more than one line, below the elements of the selector `within`."""
        return self.page.evaluate(BROKEN, [pattern, within])


def pictures(card):
    """What is drawn in a card: for each picture its type, series, number of points, and the marks of its axes."""
    expect(card.locator("canvas").first).to_be_visible()
    return card.evaluate(PICTURES)


@contextlib.contextmanager
def browser(gateway, **options):
    """Ends with a look at what it has noted."""
    if not os.path.exists(CHROMIUM):
        raise Skip(f"no {CHROMIUM}: hack/install-deps browser")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            window = Browser(chromium, gateway, **options)
            yield window
            assert not window.faults, window.faults
        finally:
            chromium.close()


__all__ = ["LATER", "NARROW", "NUMBER", "WIDE", "WORD", "browser", "expect", "pictures"]
