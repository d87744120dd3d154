#include "api/json_text.h"

#include "api/json_access.h"
#include "api/strict_sax.h"
#include "api/text_builder.h"

namespace modelrun::api {
namespace {

class TextSax final : public StrictSax {
 public:
  TextSax(std::string_view text, const JsonLimits& limits, bool canonical)
      : StrictSax(text, limits), canonical_(canonical) {}

  std::string take() { return builder_.take(); }

 private:
  bool add(nlohmann::json scalar) override {
    builder_.scalar(canonical_ ? canonical_json(scalar) : json_text(scalar));
    return fits(builder_.size());
  }
  bool open(bool array) override {
    builder_.open(array);
    return fits(builder_.size());
  }
  bool close() override { return builder_.close() || refuse("duplicate key"); }
  bool name(std::string& key) override {
    return (builder_.key(key) || refuse("duplicate key")) && fits(builder_.size());
  }
  [[nodiscard]] std::size_t depth() const override { return builder_.depth(); }
  [[nodiscard]] std::string path() const override { return builder_.path(); }

  TextBuilder builder_;
  bool canonical_;
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
  TextSax sax(text, limits, /*canonical=*/false);
  RETURN_IF_ERROR(sax.run());
  return JsonText::from_compact(sax.take());
}

std::string canonical_json(const JsonText& value) {
  TextSax sax(value.text(), kAnyDepth, /*canonical=*/true);
  // A JsonText is valid. If one was not, a digest of a part of it would say less than one of the whole text.
  return sax.run() ? sax.take() : value.text();
}

}  // namespace modelrun::api
