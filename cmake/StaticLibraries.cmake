# handoff_link_static(PREFIX...): of the imported targets so named, each whose archive lies beside its shared library is linked from
# the archive. Tests start our programs thousands of times, and finding and relocating sixty shared libraries is more than half of a
# start (ADR 33). Only with lld, which does not mind in which order archives come: a config of shared libraries does not say it.
function(handoff_link_static)
  list(JOIN ARGN "|" prefixes)
  get_property(targets DIRECTORY "${PROJECT_SOURCE_DIR}" PROPERTY IMPORTED_TARGETS)
  foreach(target IN LISTS targets)
    if(NOT target MATCHES "^(${prefixes})::")
      continue()
    endif()
    foreach(property IMPORTED_LOCATION IMPORTED_LOCATION_NONE IMPORTED_LOCATION_RELEASE)
      get_target_property(library ${target} ${property})
      string(REGEX REPLACE "\\.so[.0-9]*$" ".a" archive "${library}")
      if(library AND NOT archive STREQUAL library AND EXISTS "${archive}")
        set_target_properties(${target} PROPERTIES ${property} "${archive}")
      endif()
    endforeach()
  endforeach()
endfunction()
