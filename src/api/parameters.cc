#include "api/parameters.h"

#include <cassert>

#include "base/encoding.h"

namespace modelrun::api {

Parameters::Parameters(const nlohmann::json& value) : value_(value), size_(value_->size()) {}

std::string Parameters::digest() const {
  return value_ ? "sha256:" + sha256_hex(canonical_json(*value_)) : digest_;
}

const std::string& Parameters::text() const {
  assert(value_);
  return value_->text();
}

nlohmann::json Parameters::parse() const {
  assert(value_);
  return value_->parse();
}

void Parameters::drop_text() {
  digest_ = digest();
  value_.reset();
}

bool operator==(const Parameters& a, const Parameters& b) {
  if (a.value_ && b.value_ && *a.value_ == *b.value_) return true;
  return a.digest() == b.digest();
}

}  // namespace modelrun::api
