// The durable copy of a frame in the agent's log. Its lines are:
//   MODELRUN-RESULT 1/3 <base64>
//   MODELRUN-RESULT 2/3 <base64>
//   MODELRUN-RESULT 3/3 <base64>
//   MODELRUN-RESULT end <sha256 of the document> <its length> <number of parts>
#include <charconv>
#include <optional>
#include <utility>

#include "api/sandbox.h"
#include "base/encoding.h"

namespace modelrun::api {
namespace {

// The container runtime splits lines that are longer than 16 KiB.
constexpr std::size_t kPartBytes = 8192;

std::optional<std::size_t> parse_size(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// Removes the text up to the first `separator`, and the separator, from the front of `rest` and returns the text.
// Takes all of `rest` when it has no separator.
std::string_view take_until(std::string_view& rest, char separator) {
  const std::size_t at = rest.find(separator);
  const std::string_view word = rest.substr(0, at);
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
  return word;
}

// Collects the parts of one frame at a time. A part with the number 1 starts a new frame and drops an incomplete one.
class Assembler {
 public:
  explicit Assembler(std::size_t most) : most_(most) {}

  // Takes a line without its kFrameLine. Returns true when it is the last line of a frame: call finish() then, while
  // the text of the line is still in memory.
  bool add(std::string_view line) {
    const std::string_view first = take_until(line, ' ');
    if (first == "end") {
      end_ = line;
      return true;
    }
    std::string_view numbers = first;
    const auto number = parse_size(take_until(numbers, '/'));
    const auto count = parse_size(numbers);
    if (!number || !count) return false;
    if (*number == 1) base64_.clear(), parts_ = 0;
    // A part that is out of order is dropped; finish() then finds that the count or the digest does not match.
    if (*number == parts_ + 1) base64_ += line, parts_ = *number;
    return false;
  }

  [[nodiscard]] bool in_frame() const { return parts_ > 0; }

  [[nodiscard]] Result<ResultFrame> finish() {
    std::string_view rest = end_;
    const std::string_view digest = take_until(rest, ' ');
    const auto length = parse_size(take_until(rest, ' '));
    const auto count = parse_size(rest);
    const std::size_t parts = std::exchange(parts_, 0);
    std::string base64 = std::exchange(base64_, {});
    if (!length || !count) return fail(ErrorKind::kInvalid, "frame in log: its last line is damaged");
    if (parts != *count) return fail(ErrorKind::kInvalid, "frame in log: {} parts of {}", parts, *count);
    auto packed = base64_decode(std::exchange(base64, {}));
    if (!packed) return fail_in("frame in log", packed.error());
    const auto document = gunzip(std::exchange(*packed, {}), most_);
    if (!document) return fail_in("frame in log", document.error());
    if (document->size() != *length || sha256_hex(*document) != digest) {
      return fail(ErrorKind::kInvalid, "frame in log: the digest does not match");
    }
    return decode_frame(*document);
  }

 private:
  const std::size_t most_;  // bytes of a document
  std::string base64_;
  std::size_t parts_ = 0;
  std::string_view end_;
};

}  // namespace

std::string frame_to_log(const ResultFrame& frame) {
  const std::string document = encode_frame(frame);
  const std::string base64 = base64_encode(gzip(document));
  const std::size_t parts = (base64.size() + kPartBytes - 1) / kPartBytes;
  std::string out;
  out.reserve(base64.size() + (parts + 1) * 40 + 120);
  for (std::size_t i = 0; i < parts; ++i) {
    out += fmt::format("{}{}/{} {}\n", kFrameLine, i + 1, parts,
                       std::string_view(base64).substr(i * kPartBytes, kPartBytes));
  }
  out += fmt::format("{}end {} {} {}\n", kFrameLine, sha256_hex(document), document.size(), parts);
  return out;
}

Result<ResultFrame> frame_from_log(std::string_view log, std::size_t most) {
  Assembler assembler(most);
  // The last complete frame is the result, or the error that it is too large. When all frames are damaged, the result
  // is the error of the last one.
  std::optional<Result<ResultFrame>> found;
  while (!log.empty()) {
    std::string_view line = take_until(log, '\n');
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.starts_with(kFrameLine)) continue;
    line.remove_prefix(kFrameLine.size());
    if (!assembler.add(line)) continue;
    auto frame = assembler.finish();
    const bool too_large = !frame && frame.error().kind == ErrorKind::kTooLarge;
    if (frame || too_large || !found || !*found) found = std::move(frame);
  }
  if (found) return *std::move(found);
  if (assembler.in_frame()) return fail(ErrorKind::kInvalid, "frame in log: cut off before its last line");
  return fail(ErrorKind::kNotFound, "no frame in the log");
}

}  // namespace modelrun::api
