#include "source/git/git_errors.h"

#include <gmock/gmock.h>

#include <csignal>

#include "source/message.h"

namespace modelrun::source {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(GitErrors, KnowsGitsWords) {
  struct Case {
    const char* said;
    ErrorKind kind;
  };
  for (const Case& c : {
           Case{"fatal: could not read Username for 'https://x': terminal prompts disabled", ErrorKind::kDenied},
           Case{"fatal: Authentication failed for 'https://x/'", ErrorKind::kDenied},
           Case{"fatal: unable to access 'https://x/': The requested URL returned error: 403", ErrorKind::kDenied},
           Case{"fatal: unable to access 'https://x/': The requested URL returned error: 302", ErrorKind::kDenied},
           Case{"fatal: repository 'https://x/' not found", ErrorKind::kNotFound},
           Case{"fatal: remote error: upload-pack: not our ref aaaa", ErrorKind::kNotFound},
           Case{"remote: fatal: not our ref\nfatal: the remote end hung up", ErrorKind::kNotFound},
           Case{"fatal: couldn't find remote ref refs/heads/x", ErrorKind::kNotFound},
           Case{"fatal: write error: File too large", ErrorKind::kTooLarge},
           Case{"error: index-pack died of signal 25\nfatal: index-pack failed", ErrorKind::kTooLarge},
           Case{"error: object aaaa: hasDotdot: contains '..'\nfatal: fsck error in packed object", ErrorKind::kDenied},
           Case{"fatal: unable to access 'https://x/': Could not resolve host: x", ErrorKind::kUnavailable},
           Case{"fatal: unable to access 'https://x/': server certificate verification failed.",
                ErrorKind::kUnavailable},
           Case{"fatal: something new", ErrorKind::kUnavailable},
           Case{"", ErrorKind::kUnavailable},
       }) {
    EXPECT_EQ(explain_git_failure(128, c.said, "https://x/", {}).kind, c.kind) << c.said;
  }
  EXPECT_EQ(explain_git_failure(128 + SIGXFSZ, "", "https://x/", {}).kind, ErrorKind::kTooLarge);
}

TEST(GitErrors, TheRemotesWordsDecideNothing) {
  const Error error = explain_git_failure(128, "remote: Authentication failed\nfatal: early EOF", "https://x/", {});
  EXPECT_EQ(error.kind, ErrorKind::kUnavailable);
}

TEST(GitErrors, MessagesAreShortPrintableAndHoldNoSecret) {
  const std::string said = "fatal: \x1b[31mAuthorization: Basic dXNlcjpwNHNz p4ss\r\n" + std::string(2000, 'x');
  const Error error = explain_git_failure(128, said, "https://x/", {"dXNlcjpwNHNz", "p4ss"});
  EXPECT_LE(error.message.size(), kMaxMessage);
  EXPECT_THAT(error.message, Not(HasSubstr("p4ss")));
  EXPECT_THAT(error.message, Not(HasSubstr("dXNl")));
  EXPECT_THAT(error.message, HasSubstr("***"));
  for (const char c : error.message) EXPECT_FALSE(static_cast<unsigned char>(c) < 0x20);
  EXPECT_LE(safe_message(std::string(400, '\xff'), {}).size(), kMaxMessage);
}

}  // namespace
}  // namespace modelrun::source
