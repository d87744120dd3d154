#include "source/url.h"

#include <gmock/gmock.h>

namespace modelrun::source {
namespace {

using ::testing::HasSubstr;

TEST(Url, TakesHttpsAndNormalisesIt) {
  struct Case {
    const char* text;
    const char* normal;
    const char* origin;
  };
  for (const Case& c : {
           Case{"https://github.com/a/b.git", "https://github.com/a/b.git", "https://github.com:443"},
           Case{"HTTPS://GitHub.COM:443/a/B", "https://github.com/a/B", "https://github.com:443"},
           Case{"https://git.example.org:8443/a", "https://git.example.org:8443/a", "https://git.example.org:8443"},
           Case{"https://1.2.3.4/a", "https://1.2.3.4/a", "https://1.2.3.4:443"},
           Case{"https://[2001:db8::1]:444/a", "https://[2001:db8::1]:444/a", "https://[2001:db8::1]:444"},
           Case{"https://h.org/a%20b", "https://h.org/a%20b", "https://h.org:443"},
       }) {
    const auto url = parse_git_url(c.text, Policy{});
    ASSERT_TRUE(url) << c.text << ": " << url.error().message;
    EXPECT_EQ(url->text(), c.normal);
    EXPECT_EQ(url->origin(), c.origin);
  }
}

TEST(Url, RefusesWhatPolicyDoesNotAllow) {
  for (const char* text : {
           "",
           "github.com/a/b",
           "/a/b",
           "http://github.com/a",
           "file:///a/b",
           "ssh://git@github.com/a/b",
           "git@github.com:a/b.git",
           "git://github.com/a",
           "ext::sh -c touch% /tmp/x",
           "ext::https://x/y",
           "-ohttps://x/y",
           "--upload-pack=https://x/y",
           "https://",
           "https://github.com",
           "https://github.com/",
           "https:///a",
           "https://user:pass@github.com/a",
           "https://token@github.com/a",
           "https://evil.org#@github.com/a",
           "https://github.com/a?b=c",
           "https://github.com/a b",
           "https://github.com/a\nb",
           "https://github.com/a%0ahost=x",
           "https://github.com/a%0",
           "https://github.com/a%zz",
           "https://git\\hub.com/a",
           "https://2130706433/a",
           "https://0x7f000001/a",
           "https://127.1/a",
           "https://0177.0.0.1/a",
           "https://a..b/c",
           "https://a./c",
           "https://-a/c",
           "https://h:0/a",
           "https://h:99999/a",
           "https://h:1x/a",
           "https://h:/a",
           "https://[::1/a",
           "https://[x]/a",
           "https://[::1]x/a",
           "https://[::1%25eth0]/a",
           "https://h.org/../a",
           "https://h.org/a/..",
           "https://h\xc3\xa9.org/a",
       }) {
    const auto url = parse_git_url(text, Policy{});
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().kind, ErrorKind::kDenied);
  }
}

TEST(Url, FlagsAllowHttpAndFile) {
  Policy policy;
  policy.allow_http = policy.allow_file = true;
  EXPECT_EQ(parse_git_url("http://h.org:3000/a", policy)->text(), "http://h.org:3000/a");
  EXPECT_EQ(parse_git_url("file:///srv/a.git", policy)->text(), "file:///srv/a.git");
  EXPECT_FALSE(parse_git_url("file://host/srv/a.git", policy));
  EXPECT_FALSE(parse_git_url("ssh://h.org/a", policy));
}

TEST(Url, TellsWhatToDo) {
  EXPECT_THAT(parse_git_url("git@h.org:a", Policy{}).error().message, HasSubstr("ssh is not supported"));
  EXPECT_THAT(parse_git_url("https://a:b@h.org/a", Policy{}).error().message, HasSubstr("Secret"));
  // A secret in a refused URL is not repeated.
  EXPECT_THAT(parse_git_url("https://a:hunter2@h.org/a", Policy{}).error().message, Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace modelrun::source
