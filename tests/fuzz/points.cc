// What the pod of a run with points and the operator say to each other, and the rows in ConfigMaps, which whoever may
// write ConfigMaps can forge.
#include "fuzz/fuzz.h"

#include "api/points.h"
#include "api/strict_json.h"
#include "kube/point_rows.h"

namespace {

using namespace modelrun;

void check_row(const api::PointRow& row) {
  fuzz::expect(!row.outputs || row.outputs->size() <= api::kMaxRowOutputs, "outputs keep their bound");
  fuzz::expect(row.message.size() <= api::kMaxRowMessage && row.err.size() <= api::kMaxRowErr, "texts keep theirs");
  const auto text = api::encode_row(row);
  fuzz::expect(text.size() <= api::kMaxRowBytes && text.find('\n') == std::string::npos, "a row is a line that fits");
  const auto again = api::decode_row(text);
  fuzz::expect(again && api::encode_row(*again) == text, "encode_row(decode_row(x)) is a fixed point");
  fuzz::expect(fuzz::is_printable(row.message) && fuzz::is_printable(row.warning), "words for people are printable");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  if (const auto row = api::decode_row(text)) check_row(*row);
  if (const auto list = api::decode_points(text)) {
    const auto encoded = api::encode_points(*list);
    const auto again = api::decode_points(encoded);
    fuzz::expect(again && api::encode_points(*again) == encoded, "a list of points is a fixed point");
  }
  if (const auto report = api::decode_report(text)) {
    const auto encoded = api::encode_report(*report);
    const auto again = api::decode_report(encoded);
    fuzz::expect(!again || api::encode_report(*again) == encoded, "a report is a fixed point");
  }
  if (const auto receipt = api::decode_receipt(text)) {
    fuzz::expect(receipt->stored <= receipt->held, "no more rows are stored than held");
    fuzz::expect(api::decode_receipt(api::encode_receipt(*receipt)).has_value(), "a receipt is read as it was sent");
  }
  if (const auto value = api::parse_strict(text)) {
    std::ignore = kube::visit_chunks(*value, [](const kube::RowChunk& chunk) {
      for (const auto& row : chunk.rows) check_row(row);
    });
  }
  return 0;
}
