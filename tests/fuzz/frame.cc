// The result frame: the body of P/result, the agent's log and its termination message. A pod of a stranger can write
// all three.
#include "fuzz/fuzz.h"

#include "api/sandbox.h"

namespace {

using namespace modelrun;

void check_frame(const api::ResultFrame& frame) {
  const auto text = api::encode_frame(frame);
  const auto again = api::decode_frame(text);
  if (!again) {
    // JSON escapes can make the text longer than what was read; nothing else may keep it from being read again.
    fuzz::expect(again.error().kind == ErrorKind::kTooLarge, "decode_frame() reads what encode_frame() writes");
    return;
  }
  fuzz::expect(api::encode_frame(*again) == text, "encode_frame(decode_frame(x)) is a fixed point");
  const auto log = api::frame_to_log(frame);
  const auto logged = api::frame_from_log("a line\n" + log + "another");
  fuzz::expect(logged && api::encode_frame(*logged) == text, "frame_from_log() reads what frame_to_log() writes");
  const auto message = api::frame_to_termination_message(frame);
  fuzz::expect(message.size() <= api::kTerminationMessageBytes, "a termination message fits");
  const auto compact = api::frame_from_termination_message(message);
  fuzz::expect(compact.has_value(), "frame_from_termination_message() reads what frame_to_... writes");
  fuzz::expect(!compact->complete || api::encode_frame(compact->frame) == text, "a complete message is the frame");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  if (const auto frame = api::decode_frame(text)) {
    // Objects of the API and of the containers that hold them: a multiple of the text.
    fuzz::expect(api::frame_bytes(*frame) <= 4096 + 8 * size, "a frame needs a small multiple of its text");
    check_frame(*frame);
  }
  (void)api::frame_from_log(text);
  const auto compact = api::frame_from_termination_message(text);
  if (compact) check_frame(compact->frame);
  return 0;
}
