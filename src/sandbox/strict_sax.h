// The rules of api/strict_json.h as a SAX handler, apart from what is made of the values: parse_strict() builds a tree,
// and this does not. For json_text.cc only; its test holds the two to the same verdicts and words.
#pragma once

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace modelrun::sandbox {

// Reads one document and stops at the first value that is refused. Like nlohmann's SAX parser, it keeps a stack of its
// own instead of recursing, so that text of any depth is safe. A derived class gets the values that are accepted; each
// of its functions returns false after refuse().
class StrictSax : public nlohmann::json_sax<nlohmann::json> {
 public:
  // `text` must outlive this object. `max_depth`: nesting of objects and arrays.
  StrictSax(std::string_view text, int max_depth) : text_(text), max_depth_(max_depth) {}

  // Parses the text. Call it once. Does not throw.
  Result<void> run();

  bool null() final { return add(nullptr); }
  bool boolean(bool value) final { return add(value); }
  bool number_integer(number_integer_t value) final { return add(value); }
  bool number_unsigned(number_unsigned_t value) final;
  bool number_float(number_float_t value, const string_t& literal) final;
  bool string(string_t& value) final { return add(std::move(value)); }
  bool binary(binary_t& /*value*/) final { return refuse("binary value"); }
  bool start_object(std::size_t /*size*/) final { return open(false); }
  bool start_array(std::size_t /*size*/) final { return open(true); }
  bool end_object() final { return close(); }
  bool end_array() final { return close(); }
  bool key(string_t& key) final;
  bool parse_error(std::size_t position, const std::string& token, const nlohmann::detail::exception& why) final;

 protected:
  // A null, boolean, integer (int64), finite double or string. It is the next child of the innermost container.
  virtual bool on_value(nlohmann::json&& value) = 0;
  virtual bool on_begin(bool array) = 0;
  virtual bool on_end() = 0;
  virtual bool on_key(std::string& key) = 0;

  template <class... Args>
  bool refuse(fmt::format_string<Args...> format, Args&&... args) {
    return refuse_as(ErrorKind::kInvalid, fmt::format(format, std::forward<Args>(args)...));
  }
  // The message becomes "at POINTER: `why`". Only the first refusal counts. Returns false.
  bool refuse_as(ErrorKind kind, const std::string& why);

  // Makes `key` the key that the pointer names, for a refusal that is found out later than on_key().
  void name_key(std::string_view key) { levels_.back().key = key; }
  // The number of values that the innermost container has so far, the open one or the one of on_value() not included.
  [[nodiscard]] std::size_t position() const { return levels_.empty() ? 0 : levels_.back().count; }
  [[nodiscard]] bool in_array() const { return !levels_.empty() && levels_.back().array; }

  [[nodiscard]] bool failed() const { return error_.has_value(); }
  Error take_error() { return std::move(*error_); }

 private:
  struct Level {
    bool array = false;
    std::size_t count = 0;  // complete children
    std::string key;        // the key that was read last, shortened
  };

  bool add(nlohmann::json value);
  bool open(bool array);
  bool close();
  [[nodiscard]] std::string pointer() const;
  [[nodiscard]] bool is_not_finite(std::size_t position) const;

  std::string_view text_;
  int max_depth_;
  std::vector<Level> levels_;
  std::optional<Error> error_;
};

}  // namespace modelrun::sandbox
