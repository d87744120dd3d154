// Columns of text as kubectl prints them. Pure.
#pragma once

#include <string>
#include <vector>

#include "api/model_run.h"

namespace modelrun::cli {

using Row = std::vector<std::string>;

// Left-aligned, three spaces between columns, nothing behind the last; empty cells become "<none>". Control characters
// in cells are escaped, newlines and tabs too: one row stays one line.
std::string render_table(const std::vector<Row>& rows);

// With a header line; `namespaces` puts a column NAMESPACE in front.
std::string runs_table(const std::vector<api::ModelRun>& runs, bool namespaces, Time now);

}  // namespace modelrun::cli
