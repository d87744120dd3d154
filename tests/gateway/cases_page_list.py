"""The list of runs on the page for people: which runs, in which order, how many, and what one starts from there."""

import csv
import functools
import re

from browser import LATER, NARROW, WIDE, browser, expect
from gateway import wait_for
from harness import case, same
from page_runs import PROJECT, card, gallery_run

CROWD, CROWD_SIZE = "crowd", 60


@functools.cache
def crowd(space, gateway):
    """A project of which 60 runs wait, as it is suspended; four of them on another branch."""
    space.project(CROWD, files={"run.py": ""}, suspend=True)
    for i in range(CROWD_SIZE):
        more = {"branch": "next"} if i % 15 == 7 else {}
        space.run(f"crowd-{i:02}", CROWD, modelName="costs" if i % 15 == 7 else "revenue", **more)
    token = space.token("viewer")
    wait_for(lambda: gateway.ask("GET", f"/v1/runs?project_name={CROWD}&limit=1", token)[2]["total"] == CROWD_SIZE, 30, "all runs are listed")
    return CROWD


def rows(page):
    return page.locator("table.runs tbody tr")


def hashes(page):
    return page.evaluate("[...document.querySelectorAll('table.runs tbody a')].map((each) => each.hash)")


@case
def page_list_says_how_many_runs_there_are_and_leads_to_all(space, gateway):
    crowd(space, gateway)
    for viewport in (WIDE, NARROW):
        with browser(gateway, viewport=viewport) as window:
            page = window.open(f"/?project={CROWD}", space.token("viewer"))
            pages = page.get_by_role("navigation", name="Pages")
            expect(pages).to_contain_text("Runs 1 to 50 of 60")
            expect(rows(page)).to_have_count(50)
            expect(pages.get_by_role("button", name="Previous page")).to_be_hidden()
            window.accessible("a page of the list")
            window.fits()
            first = hashes(page)
            pages.get_by_role("button", name="Next page").click()
            expect(pages).to_contain_text("Runs 51 to 60 of 60")
            expect(pages.get_by_role("button", name="Next page")).to_be_hidden()
            same(len(set(first + hashes(page))), CROWD_SIZE)
            # A run leads back to this page.
            rows(page).first.get_by_role("link").click()
            page.get_by_role("link", name="\u2190 Runs").click()
            expect(pages).to_contain_text("Runs 51 to 60 of 60")
            pages.get_by_role("button", name="Previous page").click()
            expect(pages).to_contain_text("Runs 1 to 50 of 60")
            same(hashes(page), first)


@case
def page_list_searches_and_sorts_all_runs(space, gateway):
    crowd(space, gateway)
    for viewport in (WIDE, NARROW):
        with browser(gateway, viewport=viewport) as window:
            page = window.open(f"/?project={CROWD}", space.token("viewer"))
            expect(rows(page)).to_have_count(50)
            newest = hashes(page)
            page.get_by_label("Order").select_option("Oldest first")
            expect(rows(page).nth(49)).to_be_visible()
            expect(page).to_have_url(re.compile("sort=created"))
            page.wait_for_function("first => document.querySelector('table.runs tbody a').hash !== first", arg=newest[0])
            same(len(set(newest) & set(hashes(page))), 40)
            # What is searched for is typed, not sent; the field keeps the focus.
            search = page.get_by_label("Search")
            search.press_sequentially("COSTS next")
            expect(rows(page)).to_have_count(4)
            expect(search).to_be_focused()
            expect(page.get_by_role("navigation", name="Pages")).to_contain_text("Runs 1 to 4 of 4")
            search.fill("nothing of this name")
            expect(page.get_by_text("No run fits these filters.")).to_be_visible()
            search.fill("")
            expect(rows(page)).to_have_count(50)
            if viewport == WIDE:
                page.get_by_role("button", name="Project", exact=True).click()
                expect(page.get_by_role("columnheader", name="Project")).to_have_attribute("aria-sort", "ascending")
                expect(rows(page).first).to_contain_text("costs")


@case
def page_list_is_saved_as_csv(space, gateway):
    crowd(space, gateway)
    with browser(gateway) as window:
        page = window.open(f"/?project={CROWD}&sort=name", space.token("viewer"))
        expect(rows(page)).to_have_count(50)
        with page.expect_download() as download:
            page.get_by_role("button", name="Download CSV").click()
        same(download.value.suggested_filename, "runs.csv")
        with open(download.value.path(), encoding="utf-8", newline="") as file:
            saved = list(csv.DictReader(file))
        same(len({each["run_id"] for each in saved}), CROWD_SIZE)
        same([each["model_name"] for each in saved], ["costs"] * 4 + ["revenue"] * 56)
        same({each["status"] for each in saved}, {"pending"})


@case
def page_leads_back_to_the_filtered_list(space, gateway):
    run_id = gallery_run(space, gateway)
    for viewport in (WIDE, NARROW):
        with browser(gateway, viewport=viewport) as window:
            page = window.open(f"/?project={PROJECT}", space.token("viewer"))
            page.get_by_role("radio", name="Success").check()
            page.get_by_label("Search").fill("gallery")
            expect(page).to_have_url(re.compile("search=gallery"))
            address = page.url
            page.locator(f'a[href="#/runs/{run_id}"]').click()
            expect(card(page, "ratio")).to_be_visible()
            page.get_by_role("link", name="\u2190 Runs").click()
            expect(page).to_have_url(address)
            expect(page.get_by_role("radio", name="Success")).to_be_checked()
            expect(page.get_by_label("Search")).to_have_value("gallery")
            expect(page.get_by_label("Project")).to_have_value(PROJECT)
            page.go_back()
            expect(card(page, "ratio")).to_be_visible()


@case
def page_offers_projects_models_branches_and_namespaces_to_choose_from(space, gateway):
    crowd(space, gateway)
    gallery_run(space, gateway)
    for viewport in (WIDE, NARROW):
        with browser(gateway, viewport=viewport) as window:
            page = window.open("/", space.token("editor"))
            namespaces = page.get_by_label("Namespace").locator("option")
            expect(namespaces).to_have_text([space.name, "Another\u2026"])
            page.get_by_label("Namespace").select_option("Another\u2026")
            expect(page.get_by_role("textbox", name="Namespace")).to_be_focused()
            page.get_by_role("button", name="Start a run").click()
            dialog = page.get_by_role("dialog")
            model, version = dialog.get_by_label("Model", exact=True), dialog.get_by_label("Version", exact=True)
            dialog.get_by_label("Project").select_option(PROJECT)
            expect(model.locator("option")).to_have_text(["All of the project (run.py)", "gallery", "Another model\u2026"])
            dialog.get_by_label("Project").select_option(CROWD)
            expect(version.locator("option", has_text="Newest of next")).to_have_count(1)
            expect(dialog.get_by_label("Version: another")).to_be_hidden()
            version.select_option("Another commit\u2026")
            expect(dialog.get_by_label("Version: another")).to_be_focused()
            window.accessible("the choices")
            window.fits()
            window.picture(f"choices-{viewport['width']}", full=False)


@case
def page_runs_again_on_the_same_commit(space, gateway):
    token, run_id = space.token("editor"), gallery_run(space, gateway)
    commit = gateway.ask("GET", f"/v1/runs/{run_id}", token)[2]["commit_sha"]
    for viewport in (WIDE, NARROW):
        with browser(gateway, viewport=viewport) as window:
            page = window.open(f"/runs/{run_id}", token)
            page.get_by_role("button", name="Run again").click()
            dialog = page.get_by_role("dialog")
            expect(dialog.get_by_label("Version", exact=True)).to_have_value(f"commit:{commit}")
            expect(dialog.get_by_label("Model", exact=True)).to_have_value("gallery")
            expect(dialog.get_by_label("Parameters")).to_have_value('{\n  "years": 8\n}')
            with page.expect_request(lambda request: request.method == "POST") as sent:
                dialog.get_by_role("button", name="Start").click()
            body = sent.value.post_data_json
            same((body["commit_sha"], body["model_name"], "branch" in body), (commit, "gallery", False))
            expect(page).not_to_have_url(re.compile(run_id), timeout=LATER * 1000)
            expect(page.locator(".summary")).to_contain_text(commit[:12])
