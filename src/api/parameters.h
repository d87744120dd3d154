// The parameters of a run. Pure.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "api/json_text.h"

namespace modelrun::api {

// The value of spec.parameters: its text with its digest, or, where many runs are held and only the digest matters, the
// digest alone. Two are equal if their digests are.
class Parameters {
 public:
  // Not explicit, so that a value can be assigned where its text is kept.
  Parameters(const nlohmann::json& value);  // NOLINT(google-explicit-constructor)

  // "sha256:" and the 64 hex digits of the canonical text; see canonical_json(). Computed anew by each call while the
  // text is kept: most runs that are read from the API server never need it.
  [[nodiscard]] std::string digest() const;
  [[nodiscard]] std::size_t size() const { return size_; }  // of the text, in bytes
  // What a client has changed on the way into the API server, for people; empty if nothing is known to be. Clients such
  // as kubectl round a whole number beyond 64 bits to a double of at least 16 digits, and read a number that no double
  // holds as text. Names the first such value, in at most 256 bytes. Computed anew by each call while the text is kept.
  [[nodiscard]] std::string altered() const;
  // REQUIRES of both: drop_text() was not called.
  [[nodiscard]] const std::string& text() const;
  [[nodiscard]] nlohmann::json parse() const;

  void drop_text();
  [[nodiscard]] bool has_text() const { return value_.has_value(); }

  friend bool operator==(const Parameters& a, const Parameters& b);

 private:
  std::optional<JsonText> value_;
  std::string digest_, altered_;  // once the text is dropped
  std::size_t size_ = 0;
};

}  // namespace modelrun::api
