// A parser that writes what it reads anew, as compact text: compact_strict() (api/json_text.h), and those that write
// some values in another form. For the parsers of api/ and sweep/.
#pragma once

#include <string>
#include <string_view>

#include "api/json_access.h"
#include "api/strict_sax.h"
#include "api/text_builder.h"

namespace modelrun::api {

// Derived classes override add() or add_float(), and end with put().
class TextSax : public StrictSax {
 public:
  using StrictSax::StrictSax;

  // The text. REQUIRES: run() has succeeded.
  std::string take() { return builder_.take(); }

 protected:
  bool add(Json scalar) override { return put(json_text(scalar)); }
  // `text`: a number, string, true, false or null, as JSON.
  bool put(std::string_view text) {
    builder_.scalar(text);
    return fits(builder_.size());
  }

 private:
  bool open(bool array) final {
    builder_.open(array);
    return fits(builder_.size());
  }
  bool close() final { return builder_.close() || refuse("duplicate key"); }
  bool name(std::string& key) final { return (builder_.key(key) || refuse("duplicate key")) && fits(builder_.size()); }
  [[nodiscard]] std::size_t depth() const final { return builder_.depth(); }
  [[nodiscard]] std::string path() const final { return builder_.path(); }

  TextBuilder builder_;
};

}  // namespace modelrun::api
