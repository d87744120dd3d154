// Text that is shown to people: printable() and what is built on it.
#include "fuzz/fuzz.h"

#include "base/encoding.h"
#include "base/printable.h"
#include "sandbox/capture.h"
#include "sandbox/json_members.h"
#include "sandbox/output_tree.h"
#include "source/git/tree.h"
#include "source/message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace modelrun;
  if (size < 2) return 0;
  const std::size_t limit = data[0];
  const auto text = fuzz::text_of(data + 1, size - 1);

  const auto shown = printable(text, limit);
  fuzz::expect(shown.size() <= limit, "printable() keeps its limit");
  fuzz::expect(fuzz::is_utf8(shown) && shown.find_first_of("\n\r\t\x1b") == std::string::npos, "it is one line");
  fuzz::expect(printable(shown, limit) == shown, "printable() is a fixed point");
  const auto with = sandbox::printable_with(text, "; and 3 more", limit);
  fuzz::expect(limit < 12 || with.size() <= limit, "printable_with() keeps its limit");

  const auto valid = make_valid_utf8(text);
  fuzz::expect(make_valid_utf8(valid) == valid && valid.size() <= 3 * text.size(),
               "make_valid_utf8() is a fixed point");
  const auto front = utf8_front(valid, limit);
  const auto back = utf8_back(valid, limit);
  fuzz::expect(front.size() <= limit && valid.starts_with(front) && fuzz::is_utf8(front), "utf8_front() cuts well");
  fuzz::expect(back.size() <= limit && valid.ends_with(back) && fuzz::is_utf8(back), "utf8_back() cuts well");
  fuzz::expect(valid.size() <= limit ? front == valid : front.size() + 4 > limit, "utf8_front() is the longest");
  fuzz::expect(sandbox::text_of_json_string(sandbox::json_string(valid)) == valid, "a JSON string is what it was");

  const std::string secret(text.substr(0, std::min<std::size_t>(text.size(), 8)));
  const auto message = source::safe_message(text, {secret});
  fuzz::expect(message.size() <= source::kMaxMessage && fuzz::is_printable(message), "safe_message() is printable");
  const bool plain = secret.size() >= 3 && fuzz::is_printable(secret) && secret.find('*') == std::string::npos;
  fuzz::expect(!plain || message.find(secret) == std::string::npos, "safe_message() holds no secret");
  fuzz::expect(source::printable_path(text).size() <= 128, "printable_path() is short");

  sandbox::StreamCapture capture(limit);
  for (const auto piece : fuzz::pieces_of(text)) capture.append(piece);
  const auto kept = capture.finish();
  fuzz::expect(fuzz::is_utf8(kept.head) && fuzz::is_utf8(kept.tail), "a stream is kept as UTF-8");
  fuzz::expect(kept.total_bytes == text.size(), "every byte of a stream is counted");
  const auto held = std::max(limit, sandbox::StreamCapture::kLeast) / 2 * 2;  // half of it of each end
  fuzz::expect(kept.head.size() + kept.tail.size() <= 3 * held, "a stream is bounded");
  fuzz::expect(text.size() > held || kept.head == valid, "a short stream is kept whole");
  return 0;
}
