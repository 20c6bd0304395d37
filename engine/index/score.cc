#include "engine/index/score.h"

#include <cmath>

namespace cordon {
namespace {

constexpr size_t kLanes = 8;

// The sum of term(i) for i < dimension, in the order that score.h promises.
template <typename Term>
double LaneSum(size_t dimension, Term term) {
  double lane[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= dimension; i += kLanes) {
    for (size_t l = 0; l < kLanes; ++l) lane[l] += term(i + l);
  }
  for (size_t l = 0; i + l < dimension; ++l) lane[l] += term(i + l);
  return ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

double Dot(const float* a, const float* b, size_t dimension) {
  return LaneSum(dimension, [=](size_t i) { return double{a[i]} * double{b[i]}; });
}

double Cosine(const float* query, const float* row, size_t dimension) {
  const double query_norm = Norm(query, dimension);
  const double row_norm = Norm(row, dimension);
  if (query_norm == 0 || row_norm == 0) return 0;
  return Dot(query, row, dimension) / (query_norm * row_norm);
}

double SquaredDistance(const float* a, const float* b, size_t dimension) {
  return LaneSum(dimension, [=](size_t i) {
    const double difference = double{a[i]} - double{b[i]};
    return difference * difference;
  });
}

}  // namespace

double Norm(const float* vector, size_t dimension) {
  return std::sqrt(Dot(vector, vector, dimension));
}

double Score(Metric metric, const float* query, const float* row, size_t dimension) {
  // Adding 0.0 turns -0.0 into 0.0 and changes nothing else.
  switch (metric) {
    case Metric::kCosine:
      return Cosine(query, row, dimension) + 0.0;
    case Metric::kInnerProduct:
      return Dot(query, row, dimension) + 0.0;
    case Metric::kL2:
      return 0.0 - SquaredDistance(query, row, dimension);
  }
  return 0;
}

}  // namespace cordon
