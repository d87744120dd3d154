// The page for people, as it leaves the server. What it does in a browser is in tests/gateway/cases_page.py.
#include "unit/gateway/http/http_fixture.h"

namespace modelrun::gateway {
namespace {

using testing::HasSubstr;
using testing::Not;

class PageTest : public HttpTest {
 protected:
  Answer get(const std::string& path, const std::string& more = {}) {
    return ask(request("GET", path, {}, more, ""));  // without a token
  }
};

TEST_F(PageTest, IsPublicAndMayLoadNothingFromElsewhere) {
  for (const auto& [path, type] :
       std::vector<std::pair<std::string, std::string>>{{"/", "text/html; charset=utf-8"},
                                                        {"/page/app.js", "text/javascript; charset=utf-8"},
                                                        {"/page/style.css", "text/css; charset=utf-8"},
                                                        {"/page/icon.svg", "image/svg+xml"},
                                                        {"/page/chart.js-license.txt", "text/plain; charset=utf-8"},
                                                        {"/page/settings.json", "application/json"}}) {
    const auto answer = get(path);
    ASSERT_EQ(answer.status, 200) << path;
    EXPECT_EQ(answer.headers.at("content-type"), type);
    EXPECT_EQ(answer.headers.at("x-content-type-options"), "nosniff");
    EXPECT_EQ(answer.headers.at("referrer-policy"), "no-referrer");
    EXPECT_EQ(answer.headers.at("cache-control"), "no-cache");
    const auto& policy = answer.headers.at("content-security-policy");
    for (const char* word : {"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'",
                             "img-src 'self'", "frame-ancestors 'none'", "form-action 'none'", "base-uri 'none'"}) {
      EXPECT_THAT(policy, HasSubstr(word));
    }
    EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
  }
}

// What the policy would block in a browser must not be written at all.
TEST_F(PageTest, HoldsNoInlineScriptOrStyle) {
  const auto html = get("/").body;
  EXPECT_THAT(html, HasSubstr("<script type=\"module\" src=\"page/app.js\"></script>"));
  EXPECT_THAT(html, Not(HasSubstr("style=")));
  EXPECT_THAT(html, Not(HasSubstr("<style")));
  EXPECT_THAT(html, Not(HasSubstr(" on")));
  for (const char* name :
       {"api",    "app",       "badge",   "bridge", "chart",       "chart.umd.min", "choice", "compare", "csv",
        "dialog", "dom",       "filters", "format", "launch",      "list",          "log",    "outputs", "rows",
        "run",    "run_parts", "shape",   "sweep",  "sweep_parts", "sweep_shape",   "sweeps", "table",   "vary"}) {
    const auto script = get(fmt::format("/page/{}.js", name)).body;
    ASSERT_FALSE(script.empty()) << name;
    for (const char* word : {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "localStorage",
                             "sessionStorage", "document.cookie"}) {
      EXPECT_THAT(script, Not(HasSubstr(word))) << name;
    }
  }
}

TEST_F(PageTest, IsSentOnceUntilItChanges) {
  const auto first = get("/page/app.js");
  const auto etag = first.headers.at("etag");
  const auto again = get("/page/app.js", "If-None-Match: W/" + etag + "\r\n");
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, "");
  EXPECT_EQ(again.headers.at("etag"), etag);
  EXPECT_EQ(get("/page/style.css", "If-None-Match: " + etag + "\r\n").status, 200);
}

TEST_F(PageTest, SaysWhetherATokenIsNeeded) {
  EXPECT_EQ(get("/page/settings.json").json()["auth"], true);
}

TEST_F(PageTest, OpensNothingElse) {
  for (const char* path : {"/page/", "/page/none.js", "/page/../v1/runs", "/page", "/index.html", "/v1/projects"}) {
    EXPECT_EQ(get(path).status, 401) << path;
  }
  EXPECT_EQ(ask(request("POST", "/", "{}", {}, "")).status, 401);
  EXPECT_EQ(ask("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n").status, 403);
  // Answers with data are never kept.
  EXPECT_EQ(ask(request("GET", "/v1/projects")).headers.at("cache-control"), "no-store");
}

}  // namespace
}  // namespace modelrun::gateway
