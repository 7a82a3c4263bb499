// pg/rows.hpp: the answer of a statement as text cells, and their conversion to C++ values.
// Knows core and how reflect reads single values; the driver's result stays behind a type-erased owner.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <noetl/reflect/sql_values.hpp>

namespace noetl::pg {

/// One cell: text, or NULL with a null pointer.
using cell = std::optional<std::string_view>;

/// A column holds something else than the program was written for: a broken invariant, not an expected failure.
using bad_cell = bad_column;

/// Converts a cell. T: integers, bool, double, std::string, std::string_view, raw_json, timestamp (zone-less text is
/// UTC), strong<>, std::optional of those. NULL for anything but optional and raw_json throws bad_cell, as does text
/// that does not fit.
template <class T>
T as(cell text);

template <class T>
T as(cell text) {
   if constexpr (noetl::is_optional<T>) {
      if (!text) return std::nullopt;
      return T{as<typename T::value_type>(text)};
   } else if constexpr (std::is_same_v<T, std::string_view>) { // lives in the rows
      if (!text) throw bad_cell("unexpected NULL");
      return *text;
   } else {
      T value{};
      if (!noetl::detail::decode_cell(text, value))
         throw bad_cell(text ? "expected " + std::string(sql_type<T>()) + ", got other text" : "unexpected NULL");
      return value;
   }
}

/// Rows of one answer. The rows own their bytes and may outlive the connection; copies share them. Views into cells
/// live as long as any copy. Thread-safe for reading.
class rows {
public:
   class row {
   public:
      row(rows const& home, std::size_t index) : first_(home.cells_.data() + index * home.columns_) {}
      /// \pre column < columns()
      [[nodiscard]] cell operator[](std::size_t column) const { return first_[column].get(); }
      template <class T>
      [[nodiscard]] T get(std::size_t column) const {
         return as<T>((*this)[column]);
      }

   private:
      friend class rows;
      struct stored {
         char const* data;
         std::size_t size;
         [[nodiscard]] cell get() const { return data ? cell{std::string_view{data, size}} : cell{}; }
      };
      stored const* first_;
   };

   class iterator {
   public:
      iterator(rows const& home, std::size_t index) : home_(&home), index_(index) {}
      row operator*() const { return {*home_, index_}; }
      iterator& operator++() { return ++index_, *this; }
      bool operator!=(iterator const& other) const { return index_ != other.index_; }

   private:
      rows const* home_;
      std::size_t index_;
   };

   rows() = default;
   /// For the driver: `owner` keeps the bytes alive.
   rows(std::shared_ptr<void const> owner, std::size_t columns, std::size_t affected)
       : owner_(std::move(owner)), columns_(columns), affected_(affected) {}
   void reserve(std::size_t count) { cells_.reserve(count * columns_); }
   void add_cell(char const* data, std::size_t size) { cells_.push_back({data, size}); }

   [[nodiscard]] std::size_t size() const noexcept { return columns_ ? cells_.size() / columns_ : 0; }
   [[nodiscard]] bool empty() const noexcept { return cells_.empty(); }
   [[nodiscard]] std::size_t columns() const noexcept { return columns_; }
   /// Rows that an INSERT, UPDATE or DELETE touched.
   [[nodiscard]] std::size_t affected() const noexcept { return affected_; }
   /// \pre index < size()
   [[nodiscard]] row operator[](std::size_t index) const { return {*this, index}; }
   [[nodiscard]] row front() const { return {*this, 0}; }
   [[nodiscard]] iterator begin() const { return {*this, 0}; }
   [[nodiscard]] iterator end() const { return {*this, size()}; }

private:
   std::shared_ptr<void const> owner_{};
   std::vector<row::stored> cells_{};
   std::size_t columns_ = 0;
   std::size_t affected_ = 0;
};

} // namespace noetl::pg
