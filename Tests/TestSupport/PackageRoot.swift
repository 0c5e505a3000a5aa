import Foundation

/// The folder of Package.swift, found from this file's own path.
package let packageRoot: String = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
