import Testing

extension Rule {
    /// Where a container may write, no file is reached by its path: it may be another one by then.
    static let sharedFolders = Rule { file in
        guard file.path.hasPrefix("Sources/") else { return [] }
        return file.lines.enumerated().filter { reachesByPath(String($0.element), in: file.path) }.map {
            "\(file.path):\($0.offset + 1): a file in a folder that others may write, and no Folder"
        }
    }
}

private func reachesByPath(_ line: String, in path: String) -> Bool {
    let code = line.firstRange(of: "//").map { String(line[..<$0.lowerBound]) } ?? line
    if path.hasPrefix("Sources/TenantSpool/") {
        let calls = ["Files.", "open(", "fopen(", "opendir(", "rename(", "unlink(", "mkdir(", "stat("]
        return calls.contains(where: code.contains) && !code.contains("\"/proc/")
            && !code.contains("Folder.open(")
    }
    guard path.hasPrefix("Sources/TenantAgent/") else { return false }
    return ["tenantDataPath", "volumePath("].contains(where: code.contains)
        && ["Files.", "FileLock."].contains(where: code.contains)
}

@Suite struct SharedFolderTests {
    @Test func whatAContainerMayWriteIsReachedByFolders() {
        let findings = TidyTests.swift.flatMap(Rule.sharedFolders.findings)
        #expect(findings.isEmpty, "\(findings.joined(separator: "\n"))")
    }

    @Test(arguments: [
        ("Sources/TenantSpool/A.swift", "let bytes = try Files.read(path)"),
        ("Sources/TenantSpool/A.swift", "let file = open(path, O_RDONLY)"),
        ("Sources/TenantSpool/A.swift", "guard rename(a, b) == 0 else {"),
        ("Sources/TenantAgent/A.swift", "try Files.read(\"\\(installation.tenantDataPath)/settings.json\")"),
    ]) func aFileByItsPathIsFound(path: String, line: String) {
        #expect(Rule.sharedFolders.findings(SourceFile(path: path, text: line)).count == 1)
    }

    @Test(arguments: [
        ("Sources/TenantSpool/A.swift", "guard let top = try Folder.open(tenant) else {"),
        ("Sources/TenantSpool/A.swift", "let boot = try Files.read(\"/proc/sys/kernel/random/boot_id\")"),
        ("Sources/TenantAgent/A.swift", "try Files.read(installation.secretsPath)"),
        ("Sources/WorkspaceServer/A.swift", "try Files.read(path)"),
    ]) func whatNobodyElseWritesIsNot(path: String, line: String) {
        #expect(Rule.sharedFolders.findings(SourceFile(path: path, text: line)).isEmpty)
    }
}
