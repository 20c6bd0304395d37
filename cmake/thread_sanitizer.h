// Comes before each file of a build with ThreadSanitizer, for which protobuf's MapFieldBase has two
// members more. Debian's libprotobuf is built without it and knows nothing of them: to it each map
// would be another object than to the generated code.
#pragma once

#pragma push_macro("__SANITIZE_THREAD__")
#undef __SANITIZE_THREAD__
#include <google/protobuf/map_field.h>
#pragma pop_macro("__SANITIZE_THREAD__")
