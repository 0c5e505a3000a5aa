/// A program's variables, of which those that hold a secret may lie in files: `NAME_FILE` names the file
/// whose content is the value of `NAME`, and goes before `NAME` itself. What a container's environment
/// holds is shown by `docker inspect`.
package struct FileVariables {
    private let environment: (String) -> String?
    /// One for each file that could not be read.
    package private(set) var problems: [String] = []

    package static let suffix = "_FILE"

    package init(_ environment: @escaping (String) -> String?) { self.environment = environment }

    /// nil when it is absent or empty. A line break at the end of a file does not count.
    package mutating func callAsFunction(_ name: String) -> String? {
        guard let path = environment(name + Self.suffix) else { return environment(name) }
        do {
            guard let bytes = try Files.read(path) else {
                problems.append("\(name)\(Self.suffix) names \(path), which is not there")
                return nil
            }
            let text = String(decoding: bytes, as: UTF8.self)
            let value = String(text.hasSuffix("\n") ? text.dropLast() : text[...])
            return value.isEmpty ? nil : value
        } catch {
            problems.append("\(name)\(Self.suffix): \(error)")
            return nil
        }
    }
}
