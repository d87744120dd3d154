#include "api/json_text.h"

#include "api/json_access.h"
#include "api/text_sax.h"

namespace modelrun::api {
namespace {

class CanonicalSax final : public TextSax {
 public:
  using TextSax::TextSax;

 private:
  bool add(Json scalar) override { return put(canonical_json(scalar)); }
};

// Far above what any value has that was made or accepted: the parser does not recurse.
constexpr JsonLimits kAnyDepth{.max_depth = 1 << 20};

}  // namespace

JsonText::JsonText() {
  static const auto kNull = std::make_shared<const std::string>("null");
  text_ = kNull;
}

JsonText::JsonText(std::string text) : text_(std::make_shared<const std::string>(std::move(text))) {}

JsonText::JsonText(const nlohmann::json& value) : JsonText(json_text(value)) {}

JsonText JsonText::from_compact(std::string text) {
  return JsonText(std::move(text));
}

nlohmann::json JsonText::parse() const {
  return nlohmann::json::parse(*text_, nullptr, /*allow_exceptions=*/false);
}

Result<JsonText> compact_strict(std::string_view text, const JsonLimits& limits) {
  TextSax sax(text, limits);
  RETURN_IF_ERROR(sax.run());
  return JsonText::from_compact(sax.take());
}

std::string canonical_json(const JsonText& value) {
  CanonicalSax sax(value.text(), kAnyDepth);
  // A JsonText is valid. If one was not, a digest of a part of it would say less than one of the whole text.
  return sax.run() ? sax.take() : value.text();
}

}  // namespace modelrun::api
