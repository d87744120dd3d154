#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "api/json_access.h"
#include "api/model_sweep.h"
#include "cli/await_sweep.h"
#include "cli/commands/compare.h"
#include "kube/point_rows.h"
#include "sweep/exact_json.h"
#include "sweep/pointer.h"

namespace modelrun::cli {
namespace {

Result<std::size_t> index_of(const std::string& text) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error == std::errc() && end == text.data() + text.size()) return index;
  return fail(ErrorKind::kInvalid, "'{}' is no point: points of a sweep are numbered from 0", text);
}

// `object` with `values` in the places that `names` lead to.
std::string with_values(std::string object, const std::vector<std::string>& names,
                        const std::vector<std::string>& values) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto pointer = sweep::parse_name(names[i]);
    if (!pointer || values[i].empty()) continue;
    if (auto changed = sweep::with_value(object, *pointer, values[i])) object = std::move(*changed);
  }
  return object;
}

class PointReader {
 public:
  PointReader(Session& session, const api::ModelSweep& sweep, const sweep::Table& table)
      : session_(session), sweep_(sweep), table_(table) {}

  // Both from where there is most, but both from the same: what only one of the two had would count as a difference.
  Result<ComparedPair> read(std::size_t base, std::size_t other) {
    const auto first = row_of(base);
    RETURN_IF_ERROR(first);
    const auto second = row_of(other);
    RETURN_IF_ERROR(second);
    auto pair = from_runs(**first, **second);
    if (pair || pair.error().kind != ErrorKind::kNotFound) return pair;
    session_.console.note(fmt::format("{}; only what stands in the table is compared", pair.error().message));
    return ComparedPair{from_table(**first), from_table(**second)};
  }

 private:
  // The row of a point that has left outputs.
  [[nodiscard]] Result<const sweep::Row*> row_of(std::size_t index) const {
    const auto row = std::ranges::find(table_.rows, index, &sweep::Row::index);
    if (row == table_.rows.end()) {
      return fail(ErrorKind::kNotFound, "sweep {} has no point {}: its {} points are numbered from 0", sweep_.meta.name,
                  index, table_.rows.size());
    }
    if (row->phase != api::Phase::kSucceeded) {
      return fail(ErrorKind::kNotFound, "point {} of sweep {} left no outputs that could be compared: {}: {}", index,
                  sweep_.meta.name, row->reason, row->message);
    }
    return &*row;
  }

  [[nodiscard]] std::string name_of_point(const sweep::Row& row) const {
    return fmt::format("{}[{}]", sweep_.meta.name, row.index);
  }

  Result<ComparedPair> from_runs(const sweep::Row& base, const sweep::Row& other) {
    auto first = from_run(base);
    RETURN_IF_ERROR(first);
    auto second = from_run(other);
    RETURN_IF_ERROR(second);
    return ComparedPair{std::move(*first), std::move(*second)};
  }

  // What the point had and has left, from its run.
  Result<sweep::ComparedRun> from_run(const sweep::Row& row) {
    const auto object = get_run(session_, row.run);
    RETURN_IF_ERROR(object);
    sweep::ComparedRun read;
    read.run = api::decode_model_run(*object);
    if (!api::is_owned_by(read.run.meta, sweep_.meta)) {
      return fail(ErrorKind::kNotFound, "run {} is not one of sweep {}, whose run of that name is gone", row.run,
                  sweep_.meta.name);
    }
    const auto gone = [&] {
      return fail(ErrorKind::kNotFound, "run {} has no row of point {} any more", row.run, row.index);
    };
    const auto first = first_point(*object);
    if (!read.run.spec.points || !read.run.status.points || !first || *first > row.index) return gone();
    const auto at = row.index - *first;
    const auto points = sweep::elements_of(read.run.spec.points->text());
    if (at >= points.size()) return gone();
    if (!has_parameters(row, points[at])) {
      return fail(ErrorKind::kNotFound, "run {} has other parameters than point {} of sweep {}", row.run, row.index,
                  sweep_.meta.name);
    }
    std::optional<api::JsonText> outputs;
    const auto take = [&](api::PointRow each) {
      if (std::cmp_equal(each.point, at)) outputs = std::move(each.outputs);
    };
    RETURN_IF_ERROR(kube::visit_rows(session_.client, read.run, take, session_.stop));
    if (!outputs) return gone();
    read.outputs = *std::move(outputs);
    take_point(read.run, row, kube::Json::parse(points[at]));
    return read;
  }

  // Whether `parameters`, the text of an object, are those of the row. Whoever may create runs can have given one the
  // sweep's owner reference and the name of a run that is gone.
  [[nodiscard]] bool has_parameters(const sweep::Row& row, std::string_view parameters) const {
    for (std::size_t i = 0; i < table_.parameters.size(); ++i) {
      const auto pointer = sweep::parse_name(table_.parameters[i]);
      const auto value = pointer ? sweep::value_at(parameters, *pointer) : std::nullopt;
      const auto& wanted = row.parameters[i];
      if (value.has_value() == wanted.empty()) return false;
      if (value && kube::Json::parse(*value) != kube::Json::parse(wanted)) return false;
    }
    return true;
  }

  // As if the run had been made for this one point.
  void take_point(api::ModelRun& run, const sweep::Row& row, const kube::Json& parameters) const {
    run.meta.name = name_of_point(row);
    auto& spec = run.spec;
    spec.parameters = parameters;
    spec.points.reset();
    spec.timeout_seconds = spec.point_timeout_seconds;
    spec.point_timeout_seconds.reset();
    spec.max_failed_points.reset();
  }

  static std::optional<std::size_t> first_point(const kube::Json& run) {
    const auto text =
        api::text_at(api::member(api::member(run, "metadata"), "annotations"), api::kAnnotationFirstPoint);
    const auto index = index_of(text);
    return index ? std::optional(*index) : std::nullopt;
  }

  // The parameters are whole: those that vary stand in the table, the others in the sweep.
  [[nodiscard]] sweep::ComparedRun from_table(const sweep::Row& row) const {
    sweep::ComparedRun read;
    read.run.meta = sweep_.meta;
    read.run.meta.name = name_of_point(row);
    read.run.spec.project = sweep_.spec.project;
    read.run.spec.scope = sweep_.spec.scope;
    read.run.spec.model_name = sweep_.spec.model_name;
    read.run.spec.timeout_seconds = sweep_.spec.limits.timeout_seconds;
    const auto& base = sweep_.spec.parameters.text();
    read.run.spec.parameters =
        kube::Json::parse(with_values(base == "null" ? "{}" : base, table_.parameters, row.parameters));
    read.run.status.commit_sha = sweep_.status.commit_sha;
    read.outputs = api::JsonText::from_compact(with_values("{}", table_.outputs, row.outputs));
    return read;
  }

  Session& session_;
  const api::ModelSweep& sweep_;
  const sweep::Table& table_;
};

}  // namespace

Result<ComparedPair> read_points(Session& session, const std::string& sweep, const std::string& base,
                                 const std::string& other) {
  const auto first = index_of(base), second = index_of(other);
  RETURN_IF_ERROR(first);
  RETURN_IF_ERROR(second);
  const auto object = get_object(session, {&kube::kModelSweeps, sweep});
  RETURN_IF_ERROR(object);
  const auto decoded = api::decode_model_sweep(*object);
  const auto table = read_table(session, decoded);
  RETURN_IF_ERROR(table);
  return PointReader(session, decoded, *table).read(*first, *second);
}

}  // namespace modelrun::cli
