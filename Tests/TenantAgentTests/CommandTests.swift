import Testing

@testable import TenantAgent

@Test func commandsAreReadFromTheCommandLine() throws {
    let image = "registry/tenant@sha256:" + String(repeating: "a", count: 64)
    #expect(try Command.parse(["boot"]) == .boot)
    #expect(try Command.parse(["status", "--json"]) == .status(json: true))
    #expect(try Command.parse(["status"]) == .status(json: false))
    #expect(try Command.parse(["observe"]) == .observe)
    #expect(
        try Command.parse(["redeploy", "--image", image])
            == .redeploy(RedeployOrder(.image(image, of: .tenant))))
    var order = RedeployOrder(.image(image, of: .postgres))
    order.deadlineSeconds = 5
    order.drainSeconds = 0
    order.id = "redeploy:9.a_B-1"
    order.isDryRun = true
    #expect(
        try Command.parse([
            "redeploy", "--deadline=5", "--service", "postgres", "--image=\(image)", "--drain", "0", "--id",
            "redeploy:9.a_B-1", "--dry-run",
        ]) == .redeploy(order))
    var refresh = RedeployOrder(.configuration)
    refresh.id = "r1"
    #expect(try Command.parse(["redeploy", "--refresh", "--id=r1"]) == .redeploy(refresh))
    #expect(refresh.deadlineSeconds == 90 && refresh.drainSeconds == 30)
    #expect(try Command.parse([]) == .help)
}

@Test(arguments: [
    ["reboot"], ["boot", "now"], ["redeploy"], ["redeploy", "--image"],
    ["redeploy", "--image", "x", "--service", "network"], ["redeploy", "--image", "x", "--deadline", "0"],
    ["redeploy", "--image", "x", "--drain", "301"], ["redeploy", "--image", "x", "--drain", "-1"],
    ["redeploy", "--image", "x", "--id", ""], ["redeploy", "--image", "x", "--id", "a b"],
    ["redeploy", "--image", "x", "--id", String(repeating: "a", count: 101)],
    ["redeploy", "--refresh", "--image", "x"], ["redeploy", "--refresh", "--service", "tenant"],
    ["redeploy", "--refresh", "--dry-run"],
    ["redeploy", "--image", "x", "--deadline", "1801"], ["redeploy", "--image", "x", "--deadline", "soon"],
])
func aCommandLineThatIsNotUnderstoodIsRefused(arguments: [String]) {
    #expect(throws: Command.UsageError.self) { try Command.parse(arguments) }
}

@Test func imageReferencesAreTakenApart() throws {
    let digest = "sha256:" + String(repeating: "0a", count: 32)
    let full = try #require(ImageReference("10.77.0.1:18500/team/tenant:v1@\(digest)"))
    #expect(full.repository == "10.77.0.1:18500/team/tenant")
    #expect(full.tag == "v1" && full.digest == digest && full.pullTag == digest)
    let tagged = try #require(ImageReference("registry:5000/tenant:v2"))
    #expect(tagged.repository == "registry:5000/tenant" && tagged.pullTag == "v2" && tagged.digest == nil)
    #expect(ImageReference("registry:5000/tenant")?.pullTag == "latest")
}

@Test(arguments: [
    "", "a b", "name@sha256:12", "name@md5:" + String(repeating: "0", count: 64), "name:", "/name", "name/",
    "name?x=1", "name&x", "näme", "name@sha256:" + String(repeating: "G", count: 64),
])
func whatIsNoImageReferenceIsRefused(text: String) {
    #expect(ImageReference(text) == nil)
}
