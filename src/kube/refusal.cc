#include "kube/refusal.h"

namespace modelrun::kube {
namespace {

constexpr std::string_view kInvalid = " is invalid: ";

// Returns where the value ends in `text`, which follows "Invalid value: ". The API server writes a Go value there,
// then ": " and a sentence. The value is a quoted string with escapes, or text without ": ". npos when there is no
// such end.
std::size_t end_of_value(std::string_view text) {
  if (!text.starts_with('"')) return text.find(": ");
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return text.substr(i + 1).starts_with(": ") ? i + 1 : std::string_view::npos;
    }
  }
  return std::string_view::npos;
}

// Removes each "Invalid value: VALUE: ".
std::string without_values(std::string_view text) {
  constexpr std::string_view kValue = "Invalid value: ";
  std::string out;
  while (!text.empty()) {
    const auto at = text.find(kValue);
    if (at == std::string_view::npos) break;
    const auto value = text.substr(at + kValue.size());
    const auto end = end_of_value(value);
    if (end == std::string_view::npos) break;
    out += text.substr(0, at);
    text = value.substr(end + 2);
  }
  return out.append(text);
}

}  // namespace

Error plain_refusal(const Error& error) {
  const auto at = error.message.find(kInvalid);
  if (error.kind != ErrorKind::kInvalid || at == std::string::npos) return error;
  const bool sweep = std::string_view(error.message).substr(0, at).find("ModelSweep") != std::string_view::npos;
  return {error.kind, fmt::format("the API server refused the {}: ", sweep ? "sweep" : "run") +
                          without_values(std::string_view(error.message).substr(at + kInvalid.size()))};
}

}  // namespace modelrun::kube
