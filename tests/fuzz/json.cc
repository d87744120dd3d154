// Strict JSON. The two readers, one that builds the value and one that only writes the text anew, must agree.
#include "fuzz/fuzz.h"

#include "api/frame_json.h"
#include "api/json_access.h"
#include "api/json_text.h"
#include "api/strict_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace modelrun;
  const auto text = fuzz::text_of(data, size);
  const auto value = api::parse_strict(text);
  const auto compact = api::compact_strict(text);
  fuzz::expect(value.has_value() == compact.has_value(), "parse_strict() and compact_strict() accept the same");
  if (!value) {
    const auto& error = value.error();
    fuzz::expect(error.kind == compact.error().kind, "both readers give the same kind of error");
    // compact_strict() finds a duplicate key at the end of its object, and another mistake before that.
    const bool duplicate = error.message.find("duplicate key") != std::string::npos;
    fuzz::expect(duplicate || error.message == compact.error().message, "both readers give the same error");
    fuzz::expect(value.error().message.find('\n') == std::string::npos && fuzz::is_utf8(value.error().message),
                 "the error is one line of UTF-8");
    return 0;
  }
  fuzz::expect(api::json_text(*value) == compact->text(), "both readers give the same text");
  const auto canonical = api::canonical_json(*value);
  fuzz::expect(canonical == api::canonical_json(*compact), "both canonical forms are the same");
  // As what the API server returns is read: 1e19 is then an integer, which parse_strict() refuses.
  const auto again = nlohmann::json::parse(canonical);
  fuzz::expect(api::canonical_json(again) == canonical, "the canonical form is a fixed point");
  const auto twice = api::compact_strict(compact->text());
  fuzz::expect(twice && *twice == *compact, "the compact form is a fixed point");

  if (const auto exit = api::exit_from_json(*value)) {
    const auto encoded = api::exit_to_json(*exit);
    const auto decoded = api::exit_from_json(encoded);
    fuzz::expect(decoded && api::exit_to_json(*decoded) == encoded, "an exit record is a fixed point");
  }
  return 0;
}
