"""The page for people, in a browser: what it shows, what it must not do, and who can use it."""

import re

from browser import LATER, NARROW, browser, expect, pictures
from gateway import Gateway
from harness import case, same
from page_runs import IMAGE, PROJECT, SCRIPT, card, gallery, gallery_run, start


@case
def page_list_follows_runs_without_a_reload(space, gateway):
    token = space.token("editor")
    project = gallery(space)
    with browser(gateway) as window:
        page = window.open(f"/?project={project}", token)
        expect(page.get_by_text("There is no run here yet.").or_(page.get_by_role("table"))).to_be_visible()
        page.evaluate("window.stillHere = true")
        run_id = start(space, gateway, token, "slow", wait=False)
        row = page.locator("tr", has=page.locator(f'a[href="#/runs/{run_id}"]'))
        expect(row.locator(".badge")).to_have_text("Running", timeout=LATER * 1000)
        window.accessible("list")
        gateway.ask("POST", f"/v1/runs/{run_id}/cancel", token)
        expect(row.locator(".badge")).to_have_text("Cancelled", timeout=LATER * 1000)
        expect(page.locator("#live")).to_contain_text("Cancelled")
        page.get_by_role("radio", name="Success").check()
        expect(row).to_have_count(0)
        same(page.evaluate("window.stillHere"), True)


@case
def page_shows_a_running_log_and_cancels(space, gateway):
    token = space.token("editor")
    run_id = start(space, gateway, token, "slow", wait=False)
    with browser(gateway) as window:
        page = window.open(f"/runs/{run_id}", token)
        expect(page.get_by_role("log")).to_contain_text("begun", timeout=LATER * 1000)
        expect(page.locator("h1 + .badge")).to_have_text("Running")
        window.accessible("a running run")
        window.picture("running")
        page.get_by_role("button", name="Cancel the run").click()
        expect(page.locator("h1 + .badge")).to_have_text("Cancelled", timeout=LATER * 1000)
        expect(card(page, "Standard output")).to_contain_text("begun")
        expect(page.get_by_role("button", name="Cancel the run")).to_be_hidden()


@case
def page_draws_outputs(space, gateway):
    token = space.token("editor")
    with browser(gateway) as window:
        page = window.open(f"/runs/{gallery_run(space, gateway)}", token)
        (revenue,) = pictures(card(page, "revenue"))
        same((revenue["type"], revenue["points"]), ("line", [8]))
        (forecast,) = pictures(card(page, "forecast"))
        same((forecast["series"], forecast["points"]), (["cost", "revenue"], [8, 8]))
        same((forecast["marks"]["x"][0], forecast["marks"]["x"][-1]), ("2026", "2033"))
        expect(card(page, "forecast").locator(".legend li")).to_have_text(["cost", "revenue"])
        expect(card(page, "present_value").locator(".big")).to_have_text("5,628,123.25")
        expect(card(page, "customers").locator(".big")).to_have_text("9,007,199,254,740,993")
        noise = card(page, "noise")
        expect(noise.get_by_role("img")).to_have_accessible_name(re.compile("10,000 points"))
        noise.locator("summary").click()
        expect(noise.get_by_role("row")).to_have_count(201)
        noise.get_by_role("button", name="more of 10,000 rows").click()
        expect(noise.get_by_role("row")).to_have_count(401)
        expect(card(page, "settings")).to_contain_text("0.08")
        expect(page.get_by_role("region", name="Parameters")).to_contain_text('"years": 8')
        for label in ("Image", "Source digest", "Parameters digest", "Outputs digest", "Attempts"):
            expect(card(page, "Provenance").get_by_text(label, exact=True)).to_be_visible()
        same(page.locator("ol.timeline li").count(), 8)
        page.locator("summary", has_text="All outputs as JSON").click()
        expect(page.get_by_role("region", name="All outputs as JSON")).to_contain_text("9007199254740993")
        with page.expect_download() as download:
            page.get_by_role("button", name="Download tables/by year.csv").click()
        same(download.value.suggested_filename, "by year.csv")
        with open(download.value.path(), encoding="utf-8") as file:
            same(file.read(), "year,revenue\n2026,100\n")
        window.accessible("a run")


@case
def page_shows_hostile_text_as_text(space, gateway):
    token = space.token("editor")
    with browser(gateway) as window:
        page = window.open(f"/runs/{gallery_run(space, gateway)}", token)
        expect(card(page, "hostile")).to_contain_text(SCRIPT + IMAGE)
        expect(card(page, IMAGE)).to_contain_text("a name")
        expect(card(page, "regions").locator(".legend")).to_contain_text(SCRIPT)
        out = card(page, "Standard output").locator("pre")
        expect(out).to_contain_text("\u241b[31mred\u241b[0m " + SCRIPT + " \u27e8U+202E\u27e9gnp.exe")
        expect(card(page, "Standard error")).to_contain_text(IMAGE)
        same(len(card(page, "huge").locator("pre").text_content()), 20000)
        card(page, "huge").get_by_role("button", name="Show all 300,000 characters").click()
        same(len(card(page, "huge").locator("pre").text_content()), 300000)
        card(page, "sparse").locator("summary").click()
        expect(card(page, "sparse")).to_contain_text("2950 more columns are in the JSON only")
        expect(card(page, "enormous").locator("canvas")).to_have_count(0)
        same(page.locator("main img").count(), 0)
        same(page.locator("main script").count(), 0)
        window.fits()


@case
def page_shows_hostile_names_as_text(space, gateway):
    token = space.token("viewer")
    listed = {"run_id": "6" * 8, "run_number": 1, "status": "failed", "commit_sha": SCRIPT, "started_at": None, "finished_at": None}
    listed |= {"created_at": "2026-04-28T10:00:00+00:00", "project_name": SCRIPT + "x" * 300, "model_name": IMAGE}
    with browser(gateway) as window:
        project = {"project_name": SCRIPT, "default_branch": IMAGE, "models": [{"model_name": IMAGE}], "branches": [SCRIPT]}
        projects = {"namespace": IMAGE, "may_run": True, "may_cancel": True, "projects": [project], "next_cursor": None}
        window.page.route("**/v1/projects*", lambda route: route.fulfill(json=projects))
        window.page.route("**/v1/runs?*", lambda route: route.fulfill(json={"runs": [listed], "total": 1, "next_cursor": None}))
        page = window.open("/", token)
        expect(page.locator("table.runs")).to_contain_text(SCRIPT)
        expect(page.locator("table.runs")).to_contain_text(IMAGE)
        expect(page.locator("#where")).to_have_text(IMAGE)
        page.get_by_role("button", name="Start a run").click()
        expect(page.get_by_role("dialog").get_by_label("Project")).to_contain_text(SCRIPT)
        expect(page.get_by_role("dialog").get_by_label("Model", exact=True)).to_contain_text(IMAGE)
        expect(page.get_by_role("dialog").get_by_label("Version", exact=True)).to_contain_text(SCRIPT)
        window.fits()


@case
def page_starts_a_run_and_says_what_is_wrong(space, gateway):
    token = space.token("editor")
    project = gallery(space)
    with browser(gateway) as window:
        page = window.open("/", token)
        page.get_by_role("button", name="Start a run").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Project").select_option(project)
        dialog.get_by_label("Model", exact=True).select_option("Another model\u2026")
        dialog.get_by_label("Model: another").fill("gallery")
        parameters = dialog.get_by_label("Parameters")
        parameters.fill("[1]")
        dialog.get_by_role("button", name="Start").click()
        expect(dialog.get_by_role("alert")).to_contain_text("Parameters are a JSON object")
        window.accessible("the dialog")
        window.picture("start", full=False)
        parameters.fill('{"id": 9007199254740993}')
        dialog.get_by_role("button", name="Start").click()
        expect(page).to_have_url(re.compile("#/runs/[0-9a-f-]{36}$"), timeout=LATER * 1000)
        expect(page.get_by_role("region", name="Parameters")).to_contain_text('"id": 9007199254740993')
        expect(page.locator("h1 + .badge")).to_have_text("Success", timeout=LATER * 1000)


@case
def page_offers_only_what_the_caller_may(space, gateway):
    editor, viewer, stranger = (space.token(who) for who in ("editor", "viewer", "stranger"))
    run_id = start(space, gateway, editor, "slow", wait=False)
    with browser(gateway) as window:
        page = window.open(f"/runs/{run_id}", viewer)
        expect(page.get_by_role("log")).to_contain_text("begun", timeout=LATER * 1000)
        expect(page.get_by_role("button", name="Cancel the run")).to_be_hidden()
        expect(page.get_by_role("button", name="Run again")).to_be_hidden()
        page.get_by_role("link", name="Runs").click()
        expect(page.get_by_role("table")).to_be_visible()
        expect(page.get_by_role("button", name="Start a run")).to_be_hidden()
    gateway.ask("POST", f"/v1/runs/{run_id}/cancel", editor)
    with browser(gateway) as window:
        page = window.open(f"/runs/{run_id}", stranger)
        expect(page.get_by_role("alert")).to_contain_text("there is no run")
        same([fault for fault in window.faults if "404" not in fault], [])
        window.faults.clear()


@case
def page_asks_for_the_token_again(space, gateway):
    token = space.token("editor")
    run_id = start(space, gateway, token, "fails")
    with browser(gateway) as window:
        page = window.open(f"/runs/{run_id}")
        window.accessible("sign-in")
        field = page.get_by_label("Token", exact=True)
        same(field.get_attribute("type"), "password")
        for wrong, words in (("two words", "one word"), ("mrt_" + "a" * 43, "not valid here, or has expired")):
            field.fill(wrong)
            page.get_by_role("button", name="Open").click()
            expect(page.get_by_role("alert")).to_contain_text(words)
            expect(field).to_be_focused()
        field.fill(token)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("fails")
        # Nothing that outlives the window, or is seen by others, has it.
        assert token not in page.url
        same(page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]"), [0, 0, ""])
        # It expires: the next answer is a 401.
        page.route("**/v1/**", lambda route: route.fulfill(status=401, json={"status": 401, "detail": "the token has expired"}))
        page.get_by_role("link", name="Runs").click()
        expect(page.get_by_role("alert")).to_contain_text("Paste a new one")
        page.unroute("**/v1/**")
        page.get_by_label("Token", exact=True).fill(token)
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_role("table")).to_be_visible()
        same([fault for fault in window.faults if "401" not in fault], [])
        window.faults.clear()


@case
def page_works_without_a_token_when_authentication_is_off(space, gateway):
    run_id = start(space, gateway, space.token("editor"), "fails")
    with Gateway(space, "--auth=off", "--default-namespace", space.name) as open_gateway, browser(open_gateway) as window:
        page = window.open()
        page.locator(f'a[href="#/runs/{run_id}"]').click()
        expect(page.get_by_text("NonZeroExit", exact=True)).to_be_visible()
        expect(card(page, "Standard error")).to_contain_text("no data for 2026")
        expect(page.get_by_role("button", name="Forget token")).to_be_hidden()


@case
def page_is_used_by_keyboard_alone(space, gateway):
    token = space.token("editor")
    run_id = gallery_run(space, gateway)
    with browser(gateway) as window:
        page = window.open(f"/?project={PROJECT}")
        expect(page.get_by_label("Token", exact=True)).to_be_focused()
        page.keyboard.type(token)
        page.keyboard.press("Enter")
        expect(page.locator(f'a[href="#/runs/{run_id}"]')).to_be_visible()

        def tab_to(locator):
            for _ in range(150):
                page.keyboard.press("Tab")
                if locator.evaluate("element => element === document.activeElement"):
                    # What has the focus shows it.
                    return locator.evaluate("""element => [element, element.nextElementSibling].some((each) => each &&
                        ['', '::after'].some((part) => getComputedStyle(each, part || null).outlineStyle !== 'none'))""")
            raise AssertionError(f"Tab does not lead to {locator}")

        same(tab_to(page.locator(f'a[href="#/runs/{run_id}"]')), True)
        page.keyboard.press("Enter")
        expect(card(page, "noise")).to_be_visible()
        same(tab_to(card(page, "noise").locator("summary")), True)
        page.keyboard.press("Enter")
        expect(card(page, "noise").get_by_role("table")).to_be_visible()
        same(tab_to(page.get_by_role("button", name="Download report.html")), True)


@case
def page_in_light_dark_and_narrow(space, gateway):
    token = space.token("editor")
    run_id, failed = gallery_run(space, gateway), start(space, gateway, token, "fails")
    views = (("list", "/"), ("run", f"/runs/{run_id}"), ("failed", f"/runs/{failed}"))
    for look, options in (("light", {}), ("dark", {"scheme": "dark"}), ("narrow", {"viewport": NARROW, "scheme": "dark"})):
        with browser(gateway, **options) as window:
            page = window.open()
            page.get_by_label("Token", exact=True).wait_for()
            window.accessible(f"sign-in, {look}")
            window.picture(f"sign-in-{look}", full=False)
            window.open("/", token)
            for name, address in views:
                page.evaluate("address => { location.hash = address; }", address)
                expect(page.locator("table.runs, h1 + .badge").first).to_be_visible()
                if name == "run":
                    expect(card(page, "noise").locator("canvas")).to_be_visible()
                window.accessible(f"{name}, {look}")
                window.fits()
                window.picture(f"{name}-{look}")
