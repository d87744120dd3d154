// The messages between the operator and modelrun-source, which holds what a git server sent.
#include "fuzz/fuzz.h"

#include "source/message.h"
#include "source/wire.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace modelrun;
  const auto text = fuzz::text_of(data, size);
  if (const auto request = source::decode_request(text)) {
    const auto encoded = source::encode(*request);
    const auto again = source::decode_request(encoded);
    fuzz::expect(again && source::encode(*again) == encoded, "a request is a fixed point");
  }
  bool died = false;
  const auto answer = source::decode_answer(text, died);
  if (answer) {
    fuzz::expect(!died, "who answered did not die");
  } else {
    fuzz::expect(answer.error().message.size() <= source::kMaxMessage, "an error is short");
    fuzz::expect(fuzz::is_printable(answer.error().message), "an error is printable");
  }
  const auto encoded = source::encode(answer, died);
  bool died_again = false;
  const auto again = source::decode_answer(encoded, died_again);
  fuzz::expect(again.has_value() == answer.has_value() && died_again == died, "an answer is read as it was sent");
  fuzz::expect(source::encode(again, died_again) == encoded, "an answer is a fixed point");
  fuzz::expect(source::framed(text).size() == size + 4, "a frame has four bytes more");
  return 0;
}
