#include "source/git/git_errors.h"

#include <gmock/gmock.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "source/message.h"

namespace modelrun::source {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// An event as git 2.39 writes it.
std::string event(const std::string& format, const std::string& message) {
  return nlohmann::json{{"event", "error"}, {"file", "usage.c"}, {"msg", message}, {"fmt", format}}.dump() + "\n";
}

ErrorKind kind_of(const std::string& events, int exit_code = 128) {
  return explain_git_failure(exit_code, "", events, "https://x/", {}).error.kind;
}

TEST(GitErrors, KnowsGitsErrors) {
  struct Case {
    const char* format;
    const char* message;
    ErrorKind kind;
  };
  const std::string commit(40, 'a');
  const std::string not_ours = "remote error: upload-pack: not our ref " + commit;
  for (const Case& c : {
           Case{"could not read %s%s: %s", "could not read Username for 'https://x': no", ErrorKind::kDenied},
           Case{"Authentication failed for '%s'", "Authentication failed for 'https://x/'", ErrorKind::kDenied},
           Case{"unable to access '%s': %s", "unable to access 'https://x/': The requested URL returned error: 403",
                ErrorKind::kDenied},
           Case{"unable to access '%s': %s", "unable to access 'https://x/': The requested URL returned error: 302",
                ErrorKind::kDenied},
           Case{"unable to access '%s': %s", "unable to access 'https://x/': The requested URL returned error: 503",
                ErrorKind::kUnavailable},
           Case{"unable to access '%s': %s", "unable to access 'https://x/': Could not resolve host: x",
                ErrorKind::kUnavailable},
           Case{"unable to access '%s': %s", "unable to access 'https://x/': server certificate verification failed.",
                ErrorKind::kUnavailable},
           Case{"repository '%s' not found", "repository 'https://x/' not found", ErrorKind::kNotFound},
           Case{"remote error: %s", not_ours.c_str(), ErrorKind::kNotFound},
           Case{"couldn't find remote ref %s", "couldn't find remote ref refs/heads/x", ErrorKind::kNotFound},
           Case{"write error: File too large", "write error: File too large", ErrorKind::kTooLarge},
           Case{"write error: No space left on device", "write error: No space left on device",
                ErrorKind::kUnavailable},
           Case{"%s died of signal %d", "index-pack died of signal 25", ErrorKind::kTooLarge},
           Case{"fsck error in packed object", "fsck error in packed object", ErrorKind::kDenied},
           Case{"something new", "something new", ErrorKind::kUnavailable},
       }) {
    EXPECT_EQ(kind_of(event(c.format, c.message)), c.kind) << c.message;
  }
  EXPECT_EQ(kind_of(""), ErrorKind::kUnavailable);
  EXPECT_EQ(kind_of("", 128 + SIGXFSZ), ErrorKind::kTooLarge);
  EXPECT_EQ(kind_of("", 126), ErrorKind::kUnavailable);
}

TEST(GitErrors, SaysWhenACommitIsNotHandedOut) {
  const std::string format = "Server does not allow request for unadvertised object %s";
  const auto failure = explain_git_failure(128, "", event(format, format), "https://x/", {});
  EXPECT_EQ(failure.error.kind, ErrorKind::kNotFound);
  EXPECT_TRUE(failure.unadvertised);
  EXPECT_FALSE(explain_git_failure(128, "", event("remote error: %s", format), "https://x/", {}).unadvertised);
}

TEST(GitErrors, TheRemotesWordsDecideNothing) {
  for (const std::string words :
       {"Authentication failed", "x\nfatal: Out of memory, malloc failed", "repository '%s' not found",
        "upload-pack: not our ref x\nfatal: fsck error", "write error: File too large"}) {
    EXPECT_EQ(kind_of(event("remote error: %s", "remote error: " + words)), ErrorKind::kUnavailable) << words;
    EXPECT_EQ(explain_git_failure(128, "remote: " + words + "\nfatal: " + words, "", "https://x/", {}).error.kind,
              ErrorKind::kUnavailable);
  }
  EXPECT_EQ(kind_of("{\"event\":1}\n[]\nnull\n{\"event\":\"error\",\"fmt\":[]}\n\xff"), ErrorKind::kUnavailable);
}

TEST(GitErrors, MessagesAreShortPrintableAndHoldNoSecret) {
  const std::string said = "\x1b[31mAuthorization: Basic dXNlcjpwNHNz p4ss\r\n" + std::string(2000, 'x');
  for (const std::string& events : {std::string(), event("remote error: %s", said)}) {
    const Error error = explain_git_failure(128, said, events, "https://x/", {"dXNlcjpwNHNz", "p4ss"}).error;
    EXPECT_LE(error.message.size(), kMaxMessage);
    EXPECT_THAT(error.message, Not(HasSubstr("p4ss")));
    EXPECT_THAT(error.message, Not(HasSubstr("dXNl")));
    for (const char c : error.message) EXPECT_FALSE(static_cast<unsigned char>(c) < 0x20);
  }
  EXPECT_THAT(safe_message("a p4ss", {"p4ss"}), HasSubstr("***"));
  EXPECT_LE(safe_message(std::string(400, '\xff'), {}).size(), kMaxMessage);
  EXPECT_EQ(safe_message("it is my\npass", {"my pass"}), "it is ***") << "cleaning makes no secret of another text";
  EXPECT_EQ(safe_message("a\x01\x1b\x02z", {"a???z"}), "***");
}

}  // namespace
}  // namespace modelrun::source
