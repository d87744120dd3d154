// The parameters of a run. Pure.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>

#include "api/json_text.h"

namespace modelrun::api {

// The value of spec.parameters: its text with its digest, or, where many runs are held and only the digest matters, the
// digest alone. Two are equal if their digests are.
class Parameters {
 public:
  // Not explicit, so that a value can be assigned where its text is kept.
  Parameters(const nlohmann::json& value);  // NOLINT(google-explicit-constructor)

  // "sha256:" and the 64 hex digits of the canonical text; see canonical_json().
  [[nodiscard]] const std::string& digest() const { return digest_; }
  [[nodiscard]] std::size_t size() const { return size_; }  // of the text, in bytes
  // Neither may be called after drop_text().
  [[nodiscard]] const std::string& text() const { return value_.text(); }
  [[nodiscard]] nlohmann::json parse() const { return value_.parse(); }

  void drop_text() { value_ = {}; }

  friend bool operator==(const Parameters& a, const Parameters& b) { return a.digest_ == b.digest_; }

 private:
  JsonText value_;
  std::string digest_;
  std::size_t size_ = 0;
};

}  // namespace modelrun::api
