import Foundation

/// Path of a program of this package, built beside the running test bundle.
package func builtProduct(_ name: String) -> String {
    let bundle = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    return bundle.deletingLastPathComponent().appending(path: name).path
}
