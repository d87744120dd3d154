"""Sweeps and comparisons on the page: lists, pictures with their numbers, and the dialogs."""

import re

from browser import LATER, NARROW, browser, expect, pictures
from cases_sweeps import GRID, explained_runs, over, swept
from gateway import finished
from harness import case, same
from page_runs import card


def begun(space, gateway, token, **more):
    return gateway.ask("POST", "/v1/sweeps", token, {**swept(space), "wait_seconds": 0, **more})[2]["sweep_id"]


def run_of(space, gateway, token, growth):
    body = {"scope": "model", "mode": "async", **swept(space), "parameters": {"growth": growth}}
    run_id = gateway.ask("POST", "/v1/runs", token, body)[2]["run_id"]
    return finished(gateway, token, run_id)["run_id"]


@case
def page_lists_sweeps_and_draws_a_line(space, gateway):
    token = space.token("editor")
    sweep_id = begun(space, gateway, token, grid=GRID)
    with browser(gateway) as window:
        page = window.open("/sweeps?project=swept", token)
        page.locator(f'a[href="#/sweeps/{sweep_id}"]').click()
        expect(page.locator("h1 + .badge")).to_have_text("Success", timeout=LATER * 1000)
        page.get_by_label("Output", exact=True).select_option("value")
        along = card(page, "value along growth")
        (drawn,) = pictures(along)
        same((drawn["type"], drawn["points"]), ("line", [3]))
        expect(along.get_by_role("row")).to_have_count(4)
        expect(card(page, "Points").get_by_role("row")).to_have_count(4)
        with page.expect_download() as download:
            page.get_by_role("button", name="Download CSV with all digits").click()
        with open(download.value.path(), encoding="utf-8", newline="") as file:
            assert file.read().startswith("index,growth,big,value,/detail/irr,phase"), "the table's own CSV"
        window.accessible("a sweep")
        window.picture("sweep-line")


@case
def page_fills_while_a_sweep_goes_on(space, gateway):
    token = space.token("editor")
    values = [growth / 100 for growth in range(1, 9)]
    sweep_id = begun(space, gateway, token, grid=[{"name": "growth", "values": values}], parameters={"seconds": 2}, parallelism=1)
    with browser(gateway) as window:
        page = window.open(f"/sweeps/{sweep_id}", token)
        points = card(page, "Points")
        expect(points).to_contain_text("The points that have ended", timeout=LATER * 1000)
        expect(page.locator("h1 + .badge")).to_have_text("Running")
        some = points.get_by_role("row").count() - 1
        assert 1 <= some < len(values), some
        page.get_by_label("Output", exact=True).select_option("value")
        same(len(pictures(card(page, "value along growth"))), 1)
        window.accessible("a sweep that goes on")
        window.picture("sweep-fills")
        expect(page.locator("h1 + .badge")).to_have_text("Success", timeout=LATER * 1000)
        expect(points.get_by_role("row")).to_have_count(len(values) + 1)
        expect(page.get_by_label("Output", exact=True)).to_have_value("value")


@case
def page_draws_a_heat_map_a_tornado_and_a_histogram(space, gateway):
    token = space.token("editor")
    two = [*GRID, {"name": "seconds", "values": [0, 0.01]}]
    normal = {"mean": 0.05, "stddev": 0.01}
    spaces = {
        "heat": {"grid": two},
        "tornado": {"one_at_a_time": two, "parameters": {"growth": 0.03}},
        "histogram": {"sample": {"count": 50, "axes": [{"name": "growth", "normal": normal}]}},
    }
    ids = {name: begun(space, gateway, token, **given) for name, given in spaces.items()}
    for sweep_id in ids.values():
        over(gateway, token, sweep_id)
    with browser(gateway) as window:
        page = window.open(f"/sweeps/{ids['heat']}", token)
        page.get_by_label("Output", exact=True).select_option("value")
        heat = card(page, "value over growth and seconds")
        expect(heat.locator("td.shade-7").first).to_be_visible()
        expect(heat.get_by_role("row")).to_have_count(4)
        window.picture("sweep-heat")
        page.goto(f"{gateway.url}/#/sweeps/{ids['tornado']}")
        page.get_by_label("Output", exact=True).select_option("value")
        (bars,) = pictures(card(page, "How far value moves"))
        same((bars["type"], bars["points"]), ("bar", [2]))
        window.picture("sweep-tornado")
        page.goto(f"{gateway.url}/#/sweeps/{ids['histogram']}")
        page.get_by_label("Output", exact=True).select_option("value")
        spread = card(page, "Distribution of value")
        (bars,) = pictures(spread)
        same(bars["type"], "bar")
        for mark in ("p5", "p50", "p95"):
            expect(spread.get_by_text(mark, exact=True)).to_be_visible()
        window.accessible("a sample")
        window.picture("sweep-histogram")


@case
def page_varies_a_run(space, gateway):
    token = space.token("editor")
    run_id = run_of(space, gateway, token, 0.05)
    with browser(gateway) as window:
        page = window.open(f"/runs/{run_id}", token)
        page.get_by_role("button", name="Vary").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("growth 0.05")
        dialog.get_by_label("To, parameter 1").fill("much")
        dialog.get_by_role("button", name="Start the sweep").click()
        expect(dialog.get_by_role("alert")).to_contain_text("From and To are numbers")
        dialog.get_by_label("To, parameter 1").fill("0.07")
        window.accessible("the dialog that varies")
        dialog.get_by_role("button", name="Start the sweep").click()
        expect(page).to_have_url(re.compile("#/sweeps/"))
        expect(page.locator("h1 + .badge")).to_have_text("Success", timeout=LATER * 1000)
        expect(card(page, "Points").get_by_role("row")).to_have_count(6)


@case
def page_compares_two_runs(space, gateway):
    token = space.token("editor")
    base, other = run_of(space, gateway, token, 0.02), run_of(space, gateway, token, 0.04)
    with browser(gateway) as window:
        page = window.open(f"/runs/{other}", token)
        page.get_by_role("button", name="Compare").click()
        page.get_by_role("dialog").get_by_label("Base", exact=True).select_option(base)
        page.get_by_role("dialog").get_by_role("button", name="Compare").click()
        expect(card(page, "What went in")).to_contain_text("parameter /growth")
        came_out = card(page, "What came out")
        expect(came_out).to_contain_text("2 of 3 values differ")
        expect(came_out.get_by_role("row").nth(1)).to_contain_text("/big")
        window.accessible("two runs")
        window.picture("compare")


@case
def page_explains_why_two_runs_differ(space, gateway):
    token = space.token("editor")
    base, other = explained_runs(space, gateway, token)
    with browser(gateway) as window:
        page = window.open(f"/compare/{base}/{other}", token)
        why = card(page, "Why they differ")
        # The first answer says that runs go on; the page asks again, and is answered once its progress was seen.
        going = {"status": "running", "steps": [{"status": "success"}, {"status": "running"}, {"status": "success"}]}
        seen, held, progress_seen = [], [], []

        def answer(route):
            seen.append(route.request.post_data_json)
            if len(seen) == 1:
                route.fulfill(status=202, json=going)
            elif progress_seen:
                route.continue_()
            else:
                held.append(route)

        page.route("**/v1/explanations", answer)
        why.get_by_role("button", name="Explain").click()
        expect(why.get_by_role("status")).to_have_text("1 of 2 runs in between have ended")
        same(why.get_by_role("progressbar").evaluate("(bar) => [bar.value, bar.max]"), [1, 2])
        progress_seen.append(True)
        for route in held:
            route.continue_()
        same({each["other_run_id"] for each in seen}, {other})
        expect(why.get_by_text("/value goes from 20 to 90, which is +70")).to_be_visible(timeout=LATER * 1000)
        (drawn,) = pictures(why)
        same((drawn["type"], drawn["series"], drawn["points"]), ("bar", ["value", "takes away", "adds"], [4, 4, 4]))
        same(drawn["marks"]["y"], ["base", "+ parameter growth", "+ parameter years", "other run"])
        described = why.get_by_role("img").get_attribute("aria-label")
        assert "parameter growth +40, parameter years +30" in described, described
        rows = why.get_by_role("row")
        expect(rows).to_have_count(4)
        for row, cells in enumerate((("(base)", "20", base[:8]), ("parameter growth", "40", "60"), ("parameter years", "30", "90", other[:8])), 1):
            for cell in cells:
                expect(rows.nth(row)).to_contain_text(cell)
        expect(why.get_by_role("button", name="Explain")).to_be_hidden()
        window.accessible("an explanation")
        window.fits()
        window.picture("explanation")


@case
def page_says_what_cannot_be_explained(space, gateway):
    token = space.token("editor")
    base, other = explained_runs(space, gateway, token)
    with browser(gateway, viewport=NARROW, scheme="dark") as window:
        # The other way round the run in between is another one, and a viewer may not start it.
        page = window.open(f"/compare/{other}/{base}", space.token("viewer"))
        why = card(page, "Why they differ")
        why.get_by_role("button", name="Explain").click()
        expect(why.get_by_role("alert")).to_contain_text("you may not start runs")
        expect(why.get_by_role("button", name="Explain")).to_be_enabled()
        window.faults = [each for each in window.faults if "403" not in each]  # which the browser notes by itself
        window.fits()
