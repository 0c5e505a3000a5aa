import FoundationEssentials
import Organisations

extension Variable {
    package static let termsFile = Variable(
        name: "TERMS_FILE", meaning: "text of the terms of service; its first line is \"Version: <version>\"",
        fallback: "legal/terms.md")
}

extension EnvironmentReader {
    mutating func terms() -> Terms {
        parse(.termsFile, expected: "a readable file of at most 256 KiB that begins with \"Version: \"") {
            (try? String(contentsOfFile: $0, encoding: .utf8)).flatMap { Terms($0) }
        } ?? Terms("Version: none")!
    }
}
