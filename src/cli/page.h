// The parts that the pages of `describe` have in common. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "cli/describe.h"

namespace modelrun::cli {

// Puts a page together, line by line. `object` must outlive it. Ages are measured until `now`.
class Page {
 public:
  Page(const nlohmann::json& object, Time now) : object_(object), now_(now) {}

  // "LABEL:      VALUE", unless the value is empty.
  void line(std::string_view label, const std::string& value);
  // The label, and `body` below it, unless that is empty.
  void section(std::string_view label, const std::string& body);
  // JSON, indented below the label; if it has more than 4096 bytes, how many, and `command`, which prints it.
  void json_section(std::string_view label, const nlohmann::json& value, const std::string& command);
  void head();        // name, namespace, labels, times
  void conditions();  // those of status
  void events(const Result<std::vector<ShownEvent>>& given);
  std::string take() { return std::move(text_); }

  // "kubectl modelrun WORD ARGUMENT -n NAMESPACE".
  [[nodiscard]] std::string command(std::string_view word, std::string_view argument) const;
  [[nodiscard]] Time now() const { return now_; }

 private:
  void pairs(std::string_view label, const nlohmann::json& texts);
  [[nodiscard]] std::string ago(Time time) const;

  const nlohmann::json& object_;
  Time now_;
  std::string text_;
};

// `text` with `by` in front of each line.
std::string indented(std::string_view text, std::string_view by = "  ");

}  // namespace modelrun::cli
