//! The console is embedded by optimised builds: they are built anew when it was. Never runs npm.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // A development build reads the console from disk and need not know.
    if std::env::var_os("PROFILE").is_some_and(|profile| profile == "release") {
        println!("cargo:rerun-if-changed=../../web/dist");
    }
}
