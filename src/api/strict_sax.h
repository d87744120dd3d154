// The rules of parse_strict() as a base for parsers: which numbers are refused, how deep values may be nested, and what
// an error says. For the parsers of api/ and sweep/.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "api/strict_json.h"
#include "base/error.h"

namespace modelrun::api {

// Reads one text, and stops at the first value that is refused. Like nlohmann's SAX parser, what derives from it must
// not recurse, so that text of any depth is safe. Keeps references to `text` and `limits`, which must outlive it.
class StrictSax : private nlohmann::json_sax<nlohmann::json> {
 public:
  StrictSax(std::string_view text, const JsonLimits& limits) : text_(text), limits_(limits) {}

  // Reads the whole text. The error is that of the first refusal.
  Result<void> run();

 protected:
  using Json = nlohmann::json;

  // A null, boolean, number or string.
  virtual bool add(Json scalar) = 0;
  // A number with a fraction or an exponent, and the text that it was read from. By default, add() gets its value.
  virtual bool add_float(double value, const std::string& /*literal*/) { return add(Json(value)); }
  virtual bool open(bool array) = 0;
  virtual bool close() = 0;
  virtual bool name(std::string& key) = 0;
  [[nodiscard]] virtual std::size_t depth() const = 0;
  // The JSON pointer of the value that is being read; empty at the top.
  [[nodiscard]] virtual std::string path() const = 0;

  // Notes the error, with the place in front, unless there is one already. Returns false.
  template <class... Args>
  bool refuse(fmt::format_string<Args...> format, Args&&... args) {
    if (!error_) note(ErrorKind::kInvalid, fmt::format(format, std::forward<Args>(args)...));
    return false;
  }
  // Refuses a text of more than limits().max_bytes. Returns true if it is no larger.
  bool fits(std::size_t bytes) {
    if (bytes <= limits_.max_bytes) return true;
    if (!error_) note(ErrorKind::kTooLarge, fmt::format("more than {} bytes as JSON", limits_.max_bytes));
    return false;
  }
  [[nodiscard]] const JsonLimits& limits() const { return limits_; }
  [[nodiscard]] Result<void> outcome() const {
    if (error_) return std::unexpected(*error_);
    return {};
  }

 private:
  bool null() final { return add(Json(nullptr)); }
  bool boolean(bool value) final { return add(Json(value)); }
  bool number_integer(number_integer_t value) final { return add(Json(value)); }
  bool number_unsigned(number_unsigned_t value) final;
  bool number_float(number_float_t value, const string_t& literal) final;
  bool string(string_t& value) final { return add(Json(std::move(value))); }
  bool binary(binary_t& /*value*/) final { return refuse("binary value"); }
  bool start_object(std::size_t /*size*/) final { return open_bounded(false); }
  bool start_array(std::size_t /*size*/) final { return open_bounded(true); }
  bool end_object() final { return close(); }
  bool end_array() final { return close(); }
  bool key(string_t& key) final { return name(key); }
  bool parse_error(std::size_t position, const std::string& token, const nlohmann::detail::exception& why) final;

  bool open_bounded(bool array);
  void note(ErrorKind kind, const std::string& reason);
  [[nodiscard]] bool is_not_finite(std::size_t position) const;

  std::string_view text_;
  const JsonLimits& limits_;
  std::optional<Error> error_;
};

}  // namespace modelrun::api
