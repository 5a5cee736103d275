import Catalog
import Curl

/// What is wrong with a followed catalog, or with what was asked of it.
extension ErrorReport {
    static func near(_ names: [String], otherwise: String = "") -> String {
        names.isEmpty ? otherwise : ". Did you mean \(names.joined(separator: ", "))?"
    }

    static func describe(_ error: CatalogAccessError) -> (Int32, String) {
        switch error {
        case .invalidName(let name):
            (
                ExitStatus.usage,
                "'\(name)' is not a valid catalog name: use at most 64 lower-case letters, digits, '.', '_' and '-'"
            )
        case .reservedName(let name):
            (
                ExitStatus.usage,
                "'\(name)' is the name of the systems that vendors offer themselves: choose another name for this catalog"
            )
        case .invalidLocation(let location, let reason):
            (
                ExitStatus.usage,
                "'\(URLText.withoutCredentials(location))' is not a valid catalog location: \(reason)"
            )
        case .credentials(let url):
            (
                ExitStatus.usage,
                "a catalog's address must not contain a user name or password, which process lists and error messages show: add "
                    + "\(url), and name a netrc file with them for this server in a [[host]] section of your configuration; see "
                    + "oscircular.toml(5)"
            )
        case .unreachable(let catalog, let url, let cause):
            (
                ErrorReport(cause).exitCode == ExitStatus.cannotWrite ? ExitStatus.cannotWrite : ExitStatus.unavailable,
                "catalog \(catalog): could not fetch \(url): \(ErrorReport(cause).message)"
                    + cure(
                        of: cause,
                        otherwise: url.hasPrefix("file:")
                            ? "Check the path, and that the stick is plugged in"
                            : "Check the address, and that the server is up")
            )
        case .untrusted(let catalog, let url, let reason):
            (ExitStatus.malformed, "catalog \(catalog) (\(url)) is refused: \(reason)")
        case .notMetadata(let catalog, let url):
            (
                ExitStatus.malformed,
                "catalog \(catalog): \(url) returned something other than signed metadata, such as a web page. This network may "
                    + "require you to sign in first: open any page in a browser. Otherwise check the address"
            )
        case .expired(let catalog, let url, let since):
            (
                ExitStatus.malformed,
                "catalog \(catalog) (\(url)) is too old: what its publisher signed expired at \(since), and this machine's clock "
                    + "says \(Timestamp.now). If the clock is right, tell the publisher; what is stored here can still be booted"
            )
        case .slow(let catalog, let url):
            (ExitStatus.unavailable, "catalog \(catalog): \(url) did not answer in time; using the stored copy")
        case .endless(let catalog, let url, let seconds):
            (
                ExitStatus.unavailable,
                "catalog \(catalog): \(url) did not send all of it within \(seconds / 60) minutes. Try again later, or tell the "
                    + "publisher: the server is too slow, or the catalog has too many parts"
            )
        case .notConfirmed(let catalog, let fingerprint):
            (
                ExitStatus.malformed,
                "catalog \(catalog) was not added: nobody confirmed its fingerprint \(fingerprint). Give "
                    + "'--fingerprint' or '--root' as the publisher states it"
            )
        case .noCatalogs:
            (ExitStatus.notFound, "no catalog yet: add one with 'oscircular catalog add NAME URL'")
        case .noSuchCatalog(CatalogSource.vendorsName, _):
            (
                ExitStatus.notFound,
                "systems of vendors are not offered here: your setting vendors.enabled is false, no table of vendors is "
                    + "installed, or you follow a catalog of your own that is called '\(CatalogSource.vendorsName)'"
            )
        case .noSuchCatalog(let name, let names): (ExitStatus.notFound, "no catalog is called '\(name)'\(near(names))")
        case .noSuchDistribution(let name, let names):
            (ExitStatus.notFound, "no catalog has '\(name)'\(near(names, otherwise: ".")) 'oscircular list' shows all")
        case .noSuchVersion(let distribution, let version, let names):
            (
                ExitStatus.notFound,
                "\(distribution) has no version '\(version)'\(near(names, otherwise: ".")) 'oscircular list \(distribution)' shows all"
            )
        case .withdrawn(let distribution, let version, let newest):
            (
                ExitStatus.notFound,
                "\(distribution)@\(version.id) was \(version.words). "
                    + (newest.map { "Take another version: the newest is \($0)" }
                        ?? "There is no other version of \(distribution) yet")
            )
        case .ambiguous(let name, let catalogs):
            (
                ExitStatus.notFound,
                "several catalogs have '\(name)': name one of them: \(catalogs.map { "\($0)/\(name)" }.joined(separator: " or "))"
            )
        case .exists(let name):
            (ExitStatus.other, "there already is a catalog called '\(name)': remove it first, or choose another name")
        case .damaged(let path, let cause?):
            (
                ErrorReport(cause).exitCode,
                "\(path) is damaged: it is not what the publisher signed, and could not be fetched again: \(ErrorReport(cause).message)"
            )
        case .damaged(let path, nil):
            (
                ExitStatus.malformed,
                "\(path) is damaged: it is not what the publisher signed. 'oscircular catalog refresh' fetches it again"
            )
        case .forgotten(let name):
            (
                ExitStatus.malformed,
                "catalog \(name): the stored record of its signatures is damaged, so an older catalog could pass for a new one. "
                    + "Run 'oscircular catalog remove \(name)', then add it again"
            )
        case .state(let path, let cause):
            (ErrorReport(cause).exitCode, "the catalog's state at \(path) is unusable: \(ErrorReport(cause).message)")
        }
    }
}
