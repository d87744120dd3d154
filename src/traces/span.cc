#include "traces/span.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <array>
#include <charconv>
#include <cmath>

#include "base/encoding.h"

namespace modelrun::traces {
namespace {

// Hex digits of so many random bytes. getrandom() gives up to 256 bytes at once and does not fail once the kernel has
// its entropy, which is long before containers start; what it left out would be zeros.
template <std::size_t Bytes>
std::string random_hex() {
  std::array<std::uint8_t, Bytes> bytes{};
  (void)::getrandom(bytes.data(), bytes.size(), 0);
  bytes.back() |= 1U;  // an id of zeros is not valid
  return fmt::format("{:02x}", fmt::join(bytes, ""));
}

}  // namespace

api::TraceContext new_trace(const Tracer& tracer) {
  api::TraceContext context{.trace_id = random_hex<16>(), .span_id = random_span_id()};
  if (tracer.samples(context.trace_id)) context.flags = 1;
  return context;
}

std::string random_span_id() {
  return random_hex<8>();
}

std::string trace_id_of(std::string_view uid) {
  return sha256_hex(fmt::format("modelrun trace {}", uid)).substr(0, 32);
}

std::string span_id_of(std::string_view uid, std::string_view part) {
  return sha256_hex(fmt::format("modelrun span {} {}", uid, part)).substr(0, 16);
}

bool in_ratio(std::string_view trace_id, double ratio) {
  if (ratio >= 1) return true;
  if (!(ratio > 0)) return false;  // not a number, too
  std::uint64_t last = 0;
  std::from_chars(trace_id.data() + 16, trace_id.data() + 32, last, 16);
  return (last >> 1U) < static_cast<std::uint64_t>(ratio * std::ldexp(1.0, 63));
}

}  // namespace modelrun::traces
