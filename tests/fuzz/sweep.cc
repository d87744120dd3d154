// The space of a sweep, what its points are put into, and the outputs that its table has. The input: the JSON of a
// space, then after a zero byte the base parameters, then after another one the outputs of a point.
#include "api/json_text.h"
#include "fuzz/fuzz.h"
#include "sweep/compare.h"
#include "sweep/exact_json.h"
#include "sweep/outputs.h"
#include "sweep/pointer.h"
#include "sweep/space.h"
#include "sweep/table.h"

namespace {

using namespace modelrun;

void expect_error(const Error& error) {
  fuzz::expect(error.kind == ErrorKind::kInvalid || error.kind == ErrorKind::kTooLarge, "an error is the caller's");
  fuzz::expect(fuzz::is_printable(error.message), "an error is one printable line");
}

void expand(std::string_view text, std::string_view base) {
  const auto space = sweep::decode_space(text);
  if (!space) return expect_error(space.error());
  // What a few bytes can ask for takes a while under the sanitizers.
  if (sweep::point_count(*space) > 300 && sweep::point_count(*space) <= sweep::kMaxPoints) return;
  const auto points = sweep::expand(*space, base);
  if (!points) return expect_error(points.error());
  fuzz::expect(points->points.size() == sweep::point_count(*space), "there are as many points as point_count() says");
  std::size_t bytes = 0;
  for (const auto& point : points->points) {
    bytes += point.parameters.size();
    const auto again = sweep::exact_text(point.parameters);
    fuzz::expect(again && *again == point.parameters, "the parameters of a point are an exact text");
    fuzz::expect(sweep::kind_of(point.parameters) == sweep::JsonKind::kObject, "the parameters are an object");
    fuzz::expect(point.values.size() == points->names.size(), "a point has a value for each name");
    for (std::size_t i = 0; i < points->names.size(); ++i) {
      const auto pointer = sweep::parse_name(points->names[i]);
      const auto there = pointer ? sweep::value_at(point.parameters, *pointer) : std::nullopt;
      fuzz::expect(point.values[i] == there.value_or(""), "a value of a point stands in its parameters");
    }
  }
  fuzz::expect(bytes <= sweep::kMaxPointsBytes, "the points are bounded");
}

void tabulate(const api::JsonText& outputs) {
  const auto found = sweep::outputs_of(outputs, {});
  const auto columns = sweep::columns_of({found}, {});
  fuzz::expect(columns.names.size() == found.outputs.size(), "one point has the columns of its outputs");
  sweep::Table table{{}, columns.names, {{0}}};
  for (const auto& output : found.outputs) {
    fuzz::expect(sweep::number_in(output.value).has_value(), "an output is a number or a boolean");
    table.rows[0].outputs.push_back(output.value);
  }
  // Nothing is wanted by an empty list.
  if (!columns.names.empty()) {
    fuzz::expect(sweep::check_outputs(columns.names).has_value(), "the names of outputs may be asked for");
    const auto wanted = sweep::outputs_of(outputs, columns.names);
    fuzz::expect(wanted.outputs == found.outputs, "a name that was found leads to the value again");
  }
  const auto read = sweep::decode_table(sweep::encode_table(table));
  fuzz::expect(read && *read == table, "a table is read back as it was");
  fuzz::expect(fuzz::is_utf8(sweep::to_csv(table)), "CSV is UTF-8");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto rest = fuzz::text_of(data, size);
  const auto space = fuzz::take_until(rest, '\0');
  const auto base = fuzz::take_until(rest, '\0');
  expand(space, base);
  (void)sweep::decode_table(rest);
  const auto outputs = api::compact_strict(rest);
  if (!outputs) return 0;
  tabulate(*outputs);
  const auto same = sweep::compare(*outputs, *outputs);
  fuzz::expect(same.changed == 0 && same.differences.empty(), "a value does not differ from itself");
  if (const auto other = api::compact_strict(base)) {
    const auto there = sweep::compare(*outputs, *other);
    const auto back = sweep::compare(*other, *outputs);
    fuzz::expect(there.changed == back.changed && there.equal == back.equal, "a comparison is the same both ways");
  }
  return 0;
}
