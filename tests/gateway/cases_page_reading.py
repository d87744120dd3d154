"""What the page for people shows of a run, on a desktop and on a phone: numbers and names are whole, and pictures say what is so."""

import json
import re

from browser import NARROW, NUMBER, WIDE, WORD, browser, expect, pictures
from harness import case, same
from page_runs import card, gallery_run, start

SIZES = (WIDE, NARROW)
DETAILS = "**/v1/runs/*/details"


def shown(space, gateway, check, outputs=None):
    """Opens the run of all shapes in both sizes, with other outputs if they are given, and calls check(window, page)."""

    def replaced(route):
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "outputs": outputs})

    for viewport in SIZES:
        with browser(gateway, viewport=viewport) as window:
            if outputs is not None:
                window.page.route(DETAILS, replaced)
            page = window.open(f"/runs/{gallery_run(space, gateway)}", space.token("viewer"))
            expect(page.get_by_role("heading", name="Outputs")).to_be_visible()
            check(window, page)
            window.fits()


@case
def page_keeps_numbers_whole(space, gateway):
    long = {f"a_number_of_{size}_digits": int("1234567890123456789012345678901234567890"[:size]) for size in (9, 13, 20, 40)}
    outputs = {
        "ratio": 0.12345678912345678, "tiny": -1.2345678901234567e-12, **long,
        "record": {"name": "text", "ratio": 0.12345678912345678, **long},
        "table": [{"name": "a", **long, "ratio": 0.12345678912345678}, {"name": "b", **long, "ratio": 1.5}],
        "matrix": [[0.12345678912345678 * row for row in range(12)]] * 3,
    }  # fmt: skip

    def check(window, page):
        same(window.broken(NUMBER), [])
        expect(card(page, "ratio")).to_contain_text("0.12345678912345678")
        expect(card(page, "tiny")).to_contain_text("-1.2345678901234567e-12")

    shown(space, gateway, check, outputs)
    # The list, too: durations and numbers of runs.
    for viewport in SIZES:
        with browser(gateway, viewport=viewport) as window:
            page = window.open("/", space.token("viewer"))
            expect(page.get_by_role("table")).to_be_visible()
            same(window.broken(NUMBER), [])


@case
def page_keeps_names_whole_on_a_phone(space, gateway):
    run = {"run_number": 7, "status": "success", "commit_sha": "a" * 40, "started_at": "2026-04-28T10:00:00+00:00"}
    run |= {"run_id": "6" * 8, "created_at": run["started_at"], "finished_at": run["started_at"]}
    run |= {"project_name": "quarterly-forecasts", "model_name": "north_america/discounted_cash_flow"}
    with browser(gateway, viewport=NARROW) as window:
        window.page.route("**/v1/runs?*", lambda route: route.fulfill(json={"runs": [run] * 3, "total": 3, "next_cursor": None}))
        page = window.open("/", space.token("viewer"))
        expect(page.get_by_role("table")).to_contain_text("quarterly-forecasts")
        same(window.broken(WORD, "table.runs"), [])
        expect(page.get_by_role("cell", name="quarterly-forecasts").first).to_be_visible()
        window.fits()
        window.accessible("the list on a phone")
    long = "discounted_cash_flow_of_north_america_before_taxes_and_interest"
    outputs = {long: 1, "record": {"average_revenue_per_account": 2, "word": "x"}}

    def check(window, page):
        expect(card(page, long)).to_be_visible()
        same(window.broken(r"[a-z]+_", "h1, h2, h3, h4, dt"), [])

    shown(space, gateway, check, outputs)


@case
def page_shows_a_list_of_years_as_years(space, gateway):
    def check(window, page):
        years = card(page, "years")
        expect(years.locator("canvas")).to_have_count(0)
        expect(years.get_by_role("cell", name="2026", exact=True)).to_be_visible()
        expect(years).not_to_contain_text("2,0")
        for name in ("forecast", "steps"):
            for picture in pictures(card(page, name)):
                assert all(mark.isdigit() for mark in picture["marks"]["x"]), picture["marks"]

    years = list(range(2026, 2034))
    forecast = {"year": years, "revenue": [1e6 * 1.1**i for i in range(8)]}
    steps = {"step": [0, 1, 2], "customers": [1, 2, 4]}
    shown(space, gateway, check, {"years": years, "forecast": forecast, "steps": steps})


@case
def page_draws_categories_as_bars(space, gateway):
    def check(window, page):
        for name in ("regions", "by_region"):
            (picture,) = pictures(card(page, name))
            same(picture["type"], "bar")
            same(picture["marks"]["y"], ["North", "South", "East", "West"])
        (picture,) = pictures(card(page, "months"))
        same((picture["type"], picture["marks"]["x"][0]), ("line", "2026-01"))
        (many,) = pictures(card(page, "many"))
        same(many["points"], [40])
        expect(card(page, "many")).to_contain_text("60 more rows are in the table only")

    names = "North South East West".split()
    shown(space, gateway, check, {
        "regions": [{"region": name, "sales": 10 + i} for i, name in enumerate(names)],
        "by_region": dict(zip(names, (5, 7, 6.5, 9))),
        "months": [{"month": f"2026-{i:02}", "sales": i} for i in range(1, 9)],
        "many": [{"name": f"n{i}", "sales": 100 - i} for i in range(100)],
    })  # fmt: skip


@case
def page_gives_each_scale_an_axis_of_its_own(space, gateway):
    def check(window, page):
        found = pictures(card(page, "scales"))
        same([each["series"] for each in found], [["revenue", "cost"], ["rate"]])
        assert all(float(mark) < 0.2 for mark in found[1]["marks"]["y"]), found[1]["marks"]
        expect(card(page, "scales").locator(".legend li")).to_have_text(["revenue", "cost", "rate"])
        bars = pictures(card(page, "bars"))
        same([each["series"] for each in bars], [["sales"], ["share"]])

    months = [f"2026-{i:02}" for i in range(1, 9)]
    scales = {"month": months, "revenue": [1e6 + 1e4 * i for i in range(8)], "rate": [0.01 * i for i in range(8)], "cost": [4e5] * 8}
    bars = [{"region": name, "sales": 1000 * i, "share": i / 10} for i, name in enumerate("abcd")]
    shown(space, gateway, check, {"scales": scales, "bars": bars})


@case
def page_shows_matrices_as_tables(space, gateway):
    def check(window, page):
        matrix = card(page, "matrix")
        expect(matrix.get_by_role("row")).to_have_count(6)
        expect(matrix.get_by_role("row").nth(2)).to_have_text("11098765")
        expect(matrix.locator("td.shade-7").first).to_be_visible()
        expect(card(page, "settings").get_by_role("table")).to_contain_text("3")
        window.accessible("a matrix")

    shown(space, gateway, check)


@case
def page_has_the_numbers_of_each_picture_beside_it(space, gateway):
    def check(window, page):
        for canvas in page.locator("canvas").all():
            block = canvas.locator("xpath=ancestor::section[contains(@class, 'card')]").last
            expect(canvas).to_have_accessible_name(re.compile("chart, [0-9,]+ points. .*lowest"))
            for summary in block.locator("details:not([open]) > summary").all():
                summary.click()
            expect(block.get_by_role("table")).to_have_count(1)

    shown(space, gateway, check)


@case
def page_sorts_saves_and_copies_tables(space, gateway):
    token = space.token("viewer")
    rows = [("Süd", 10, "=1+1"), ("Nord, West", 2, None), ("Ost", 9007199254740993, '"')]
    outputs = {"sales": [{"region": region, "sold": sold, "note": note} for region, sold, note in rows]}
    run_id = gallery_run(space, gateway)

    def replaced(route):
        text = json.dumps({**route.fetch().json(), "outputs": outputs})
        route.fulfill(body=text, content_type="application/json")

    with browser(gateway) as window:
        window.page.route(DETAILS, replaced)
        page = window.open(f"/runs/{run_id}", token)
        sales = card(page, "sales")
        cells = sales.locator("tbody tr :nth-child(2)")
        sales.get_by_role("button", name="sold", exact=True).click()
        expect(cells).to_have_text(["2", "10", "9,007,199,254,740,993"])
        sales.get_by_role("button", name="sold", exact=True).click()
        expect(cells).to_have_text(["9,007,199,254,740,993", "10", "2"])
        expect(sales.get_by_role("columnheader", name="sold", exact=True)).to_have_attribute("aria-sort", "descending")
        with page.expect_download() as download:
            sales.get_by_role("button", name="Download CSV").click()
        same(download.value.suggested_filename, "sales.csv")
        with open(download.value.path(), encoding="utf-8-sig", newline="") as file:
            same(file.read(), 'region,sold,note\r\nOst,9007199254740993,""""\r\nSüd,10,\'=1+1\r\n"Nord, West",2,\r\n')
        sales.get_by_role("button", name="Copy").click()
        expect(page.locator("#live")).to_have_text("Copied")
        same(page.evaluate("navigator.clipboard.readText()").split("\n")[1], 'Ost\t9007199254740993\t"')
        commit = gateway.ask("GET", f"/v1/runs/{run_id}", token)[2]["commit_sha"]
        card(page, "Provenance").get_by_role("button", name="Copy Commit").click()
        expect(card(page, "Provenance").get_by_role("button", name="Copy Commit")).to_have_text("Copied")
        same(page.evaluate("navigator.clipboard.readText()"), commit)


@case
def page_says_who_started_a_run(space, gateway):
    run_id = start(space, gateway, space.token("editor"), "fails")
    with browser(gateway) as window:
        page = window.open(f"/runs/{run_id}", space.token("viewer"))
        who = f"system:serviceaccount:{space.name}:editor (gateway)"
        expect(card(page, "Provenance")).to_contain_text(who)
