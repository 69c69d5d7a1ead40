#include "tests/integration/coordinator/mutate.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"

namespace handoff {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

size_t Below(size_t limit, std::mt19937& random) { return random() % limit; }

template <typename T>
T OneOf(const std::vector<T>& values, std::mt19937& random) {
  return values[Below(values.size(), random)];
}

template <typename Number>
Number Extreme(std::mt19937& random) {
  using Limits = std::numeric_limits<Number>;
  return OneOf<Number>({0, 1, static_cast<Number>(-1), Limits::min(), Limits::max(),
                        static_cast<Number>(Limits::max() / 2), static_cast<Number>(random())},
                       random);
}

std::string Text(std::mt19937& random) {
  return OneOf<std::string>({"",
                             " ",
                             "-",
                             "--help",
                             "../../etc/passwd",
                             "/",
                             "a/b",
                             std::string("a\0b", 3),
                             "a\nb",
                             "\x1b]0;x\x07",
                             "\xff\xfe",
                             "\xed\xa0\x80",
                             "%2e%2e",
                             "CON",
                             "ext::sh -c touch%20/tmp/x",
                             "file:///etc",
                             "https://user:word@example.org/x.git",
                             "SELECT 1; --",
                             "'",
                             "$(id)",
                             std::string(81, 'a'),
                             std::string(4096, 'x'),
                             std::string(300'000, 'y')},
                            random);
}

void SetScalar(Message& message, const FieldDescriptor& field, std::mt19937& random) {
  const Reflection& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection.SetInt32(&message, &field, Extreme<int32_t>(random));
    case FieldDescriptor::CPPTYPE_INT64:
      return reflection.SetInt64(&message, &field, Extreme<int64_t>(random));
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection.SetUInt32(&message, &field, Extreme<uint32_t>(random));
    case FieldDescriptor::CPPTYPE_UINT64:
      return reflection.SetUInt64(&message, &field, Extreme<uint64_t>(random));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return reflection.SetDouble(&message, &field, std::numeric_limits<double>::quiet_NaN());
    case FieldDescriptor::CPPTYPE_FLOAT:
      return reflection.SetFloat(&message, &field, std::numeric_limits<float>::quiet_NaN());
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.SetBool(&message, &field, Below(2, random) == 0);
    case FieldDescriptor::CPPTYPE_ENUM:
      return reflection.SetEnumValue(&message, &field, Extreme<int32_t>(random));
    case FieldDescriptor::CPPTYPE_STRING:
      return reflection.SetString(&message, &field, Text(random));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return MutateFields(*reflection.MutableMessage(&message, &field), random);
  }
}

void Repeat(Message& message, const FieldDescriptor& field, std::mt19937& random) {
  const Reflection& reflection = *message.GetReflection();
  const size_t times = OneOf<size_t>({1, 2, 100, 5000}, random);
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    const std::string text = Text(random).substr(0, 200);
    for (size_t i = 0; i < times; ++i) {
      reflection.AddString(&message, &field, Below(2, random) == 0 ? text : absl::StrCat(i));
    }
  } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    // What one of them has may be long.
    for (size_t i = 0; i < std::min<size_t>(times, 20); ++i) {
      MutateFields(*reflection.AddMessage(&message, &field), random);
    }
  }
}

}  // namespace

void MutateFields(Message& message, std::mt19937& random) {
  const auto& descriptor = *message.GetDescriptor();
  if (descriptor.field_count() == 0) return;
  for (size_t left = 1 + Below(2, random); left > 0; --left) {
    const FieldDescriptor& field = *descriptor.field(
        static_cast<int>(Below(static_cast<size_t>(descriptor.field_count()), random)));
    if (field.is_repeated()) {
      Repeat(message, field, random);
    } else {
      SetScalar(message, field, random);
    }
  }
}

std::string MutateBytes(std::string bytes, std::mt19937& random) {
  for (size_t left = 1 + Below(4, random); left > 0; --left) {
    const size_t at = Below(bytes.size() + 1, random);
    const size_t length = Below(std::min<size_t>(bytes.size() - at, 40) + 1, random);
    switch (Below(7, random)) {
      case 0:
        if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << Below(8, random)));
        break;
      case 1:
        if (at < bytes.size()) bytes[at] = OneOf<char>({'\0', '\x7f', '\x80', '\xff'}, random);
        break;
      case 2:
        bytes.erase(at, length);
        break;
      case 3:
        bytes.insert(at, bytes.substr(at, length));
        break;
      case 4:
        bytes.resize(at);
        break;
      case 5:  // some field with the largest number there is
        bytes += absl::StrCat(std::string(1, static_cast<char>(8 * (1 + Below(15, random)))),
                              std::string(9, '\xff'), "\x01");
        break;
      default: {  // field 1 in field 1 in field 1, deeper than a reader may follow
        std::string nested;
        for (int i = 0; i < 60; ++i) {
          nested = absl::StrCat("\x0a", std::string(1, static_cast<char>(nested.size())), nested);
        }
        bytes.insert(at, nested);
      }
    }
  }
  return bytes;
}

}  // namespace handoff
