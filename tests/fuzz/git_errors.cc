// What git says when it fails: its standard error, which quotes the server, and its events. The input is an exit code
// (one byte), the standard error, a NUL and the events.
#include "fuzz/fuzz.h"

#include "source/git/git_errors.h"
#include "source/message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace modelrun;
  if (size == 0) return 0;
  auto events = fuzz::text_of(data + 1, size - 1);
  const auto diagnostics = fuzz::take_until(events, '\0');
  const auto failure =
      source::explain_git_failure(data[0], diagnostics, events, "https://git.example/x", {"s3cret-password"});
  fuzz::expect(failure.error.message.size() <= source::kMaxMessage, "the message is short");
  fuzz::expect(fuzz::is_printable(failure.error.message), "the message is printable");
  fuzz::expect(failure.error.message.starts_with("https://git.example/x"), "the message begins with the URL");
  fuzz::expect(failure.error.message.find("s3cret-password") == std::string::npos, "the message holds no secret");
  fuzz::expect(!failure.unadvertised || failure.error.kind == ErrorKind::kNotFound, "unadvertised is not found");
  return 0;
}
